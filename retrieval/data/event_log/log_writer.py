"""The one who appends to a folder of events."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from longtail.index.errors import DamagedFileError
from longtail.index.files import DISK_FULL, sync, write_file_atomically
from longtail.retrieval.data.event_log.reading import torn_end
from longtail.retrieval.data.event_log.segments import NAME, OpenSegment, listed, open_segments
from longtail.retrieval.data.events import UserEvent, line_of

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
    """

    folder: Path
    end: int
    _descriptor: int
    _full: list[OpenSegment]
    _files: ExitStack = field(default_factory=ExitStack)

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
            return cls(folder, end, descriptor, full, files.pop_all()), torn

    @property
    def is_at_path(self) -> bool:
        """Whether a start would find what is appended: the file at the path is this one."""
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

    def lines(self) -> Iterator[list[bytes]]:
        """Yield all lines that count as written, block by block, from the files as they are open.

        Raises:
            OSError: the disk doesn't give them.
        """
        for one in self._full:
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
        data = path.read_bytes()
    except FileNotFoundError:
        return 0
    torn = torn_end(data, path)
    if torn is None:
        return 0
    if torn.kept:
        # Zeros before whole lines: a later start would take them for damage.
        with write_file_atomically(path) as temporary:
            temporary.write_bytes(data[: torn.start] + torn.kept)
        return torn.size
    with path.open("rb+") as file:
        file.truncate(torn.start)
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
