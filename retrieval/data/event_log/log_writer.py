"""The one who appends to a folder of events."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from longtail.index.disk.regular_file import open_regular
from longtail.index.errors import DamagedFileError
from longtail.index.files import DISK_FULL, sync, write_file_atomically
from longtail.retrieval.data.event_log.reading import torn_end
from longtail.retrieval.data.event_log.segments import (
    NAME,
    REMEDY,
    OpenSegment,
    Segment,
    listed,
    next_segment,
    open_segments,
)
from longtail.retrieval.data.event_log.whole_lines import whole_part
from longtail.retrieval.data.events import UserEvent, line_of

_NEXT = ".events.next"
# Bytes of a file that are looked at at once.
_BLOCK = 1 << 22


class MovedLogError(OSError):
    """What was appended to isn't the file at its path any more: a start wouldn't find it."""


class UnknownEndError(OSError):
    """What the disk has of the file is known to nobody: only a start can tell."""


@dataclass(eq=False)
class LogWriter:
    """Appends to ``events.jsonl``; there is one a folder, which the folder's lock sees to.

    What it has written it can read whatever becomes of the folder.

    Attributes:
        folder: the folder of events.
        end: bytes of the newest file that are on the disk, and that somebody was told of.
        full: the files before it.
    """

    folder: Path
    end: int
    full: list[OpenSegment]
    _descriptor: int
    _files: ExitStack = field(default_factory=ExitStack)
    # The path and the descriptor change together.
    _turning: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, folder: Path) -> tuple[LogWriter, int]:
        """Return the writer of a folder, what a crash left mended, and how many bytes were torn.

        Raises:
            DamagedFileError: a line was altered.
            OSError: the folder can't be written to.
        """
        folder.mkdir(exist_ok=True)
        for left in listed(folder)[1]:
            (folder / left.name).unlink()
        torn = _mend(folder / NAME)
        with ExitStack() as files:
            descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
            files.callback(os.close, descriptor)
            for changed in (folder, folder.parent):
                sync(changed)
            segments = files.enter_context(open_segments(folder))
            full = [one for one in segments if one.segment is not None]
            end = os.fstat(descriptor).st_size
            return cls(folder, end, full, descriptor, files.pop_all()), torn

    @property
    def is_at_path(self) -> bool:
        """Whether a start would find what is appended: the file at the path is this one."""
        with self._turning:
            try:
                there = os.stat(self.folder / NAME)
            except OSError:
                return False
            return os.path.samestat(there, os.fstat(self._descriptor))

    def append(self, events: Iterable[UserEvent]) -> None:
        """Return once the disk has these events at the folder's path.

        Raises:
            MovedLogError: the folder was replaced; none of them counts as written.
            UnknownEndError: the disk failed on them, and nothing more should be written.
            OSError: the disk had no room; the file is as it was before.
        """
        self.append_lines(map(line_of, events))

    def append_lines(self, lines: Iterable[bytes]) -> None:
        """Do the same with lines as they stand in another log."""
        data = memoryview(b"".join(lines))
        if not data:
            return
        self._check_path()
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self.end + written)
            os.fdatasync(self._descriptor)
            self._check_path()
        except OSError as error:
            known = isinstance(error, MovedLogError) or error.errno in DISK_FULL
            try:
                os.ftruncate(self._descriptor, self.end)
            except OSError:
                known = False
            if known:
                raise
            raise UnknownEndError(error.errno, error.strerror) from error
        self.end += len(data)

    def turn(self) -> Segment:
        """Let the newest file be full, go on in an empty one, and return what it is called.

        Raises:
            OSError: there can't be another file; the newest takes what comes as before.
        """
        path, empty, segment = self.folder / NAME, self.folder / _NEXT, next_segment(self.folder)
        with ExitStack() as files, self._turning:
            descriptor = os.open(empty, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            files.callback(os.close, descriptor)
            os.fsync(descriptor)
            full = files.enter_context(path.open("rb"))
            # Killed in between: a start makes an empty one, and finds the full one.
            os.rename(path, path.with_name(segment.name))
            try:
                os.rename(empty, path)
                sync(self.folder)
            except OSError:
                os.rename(path.with_name(segment.name), path)
                raise
            self._files.push(files.pop_all())
            self.full.append(OpenSegment(path.with_name(segment.name), full, segment))
            self._descriptor, self.end = descriptor, 0
        return segment

    def lines(self) -> Iterator[list[bytes]]:
        """Yield all lines that count as written, block by block, from the files as they are open.

        Raises:
            OSError: the disk doesn't give them.
        """
        for one in self.full:
            yield from _lines_of(one.file.fileno(), one.size)
        yield from _lines_of(self._descriptor, self.end)

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def _check_path(self) -> None:
        if not self.is_at_path:
            raise MovedLogError(f"{self.folder / NAME} isn't the file that is written to")


def _mend(path: Path) -> int:
    """Take out what a crash left of lines that weren't acknowledged; return how many bytes."""
    try:
        with open_regular(path, remedy=REMEDY) as file:
            size, lines = whole_part(file)
            file.seek(size)
            rest = file.read()
    except FileNotFoundError:
        return 0
    torn = torn_end(rest, path, before=lines)
    if torn is None:
        return 0
    if torn.kept:
        # Zeros before whole lines: a later start would take them for damage.
        with write_file_atomically(path) as temporary:
            shutil.copyfile(path, temporary)
            os.truncate(temporary, size)
            with temporary.open("ab") as copy:
                copy.write(torn.kept)
        return torn.size
    with path.open("rb+") as file:
        file.truncate(size)
        os.fsync(file.fileno())
    return torn.size


def _lines_of(descriptor: int, end: int) -> Iterator[list[bytes]]:
    at, left = 0, b""
    while at < end:
        block = os.pread(descriptor, min(_BLOCK, end - at), at)
        if not block:
            raise DamagedFileError("a file of events is shorter than what was written to it")
        at += len(block)
        *lines, left = (left + block).split(b"\n")
        yield [line + b"\n" for line in lines]
