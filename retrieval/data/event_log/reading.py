"""What a folder of events holds, and what a crash left in it that nobody was told of."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.event_log.segments import OpenSegment, open_segments
from longtail.retrieval.data.events import UserEvent, event_of

# More than a batch that shares one sync can have: further from the end all was acknowledged.
MOST_UNSYNCED = 8 << 20


@dataclass(frozen=True)
class Torn:
    """What the end of a file holds that was being written when the process, or the power, ended.

    Attributes:
        start: bytes before it.
        size: bytes of it that are no whole line.
        kept: whole lines between them.
    """

    start: int
    size: int
    kept: bytes = b""


def read_events(folder: Path) -> list[UserEvent]:
    """Return the events of a folder in the order in which they came; none where there is none.

    Raises:
        DamagedFileError: a line isn't the one that was written, and no crash can have left it:
            dropping events is the owner's call.
    """
    with open_segments(folder) as segments:
        return [event for _, event in events_in(segments)]


def events_in(segments: Iterable[OpenSegment]) -> Iterator[tuple[bytes, UserEvent]]:
    """Yield lines and what they say, from where the files stand, in the order in which they came.

    Raises:
        DamagedFileError: see `read_events`.
    """
    for one in segments:
        for line in whole_lines(one.file.read(), one.path, full=one.segment is not None):
            if (event := event_of(line)) is not None:
                yield line, event


def whole_lines(data: bytes, path: Path, *, full: bool = False, before: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a file of events; its torn end is left out. A full one has none.

    ``before`` are the lines in front of ``data``.

    Raises:
        DamagedFileError: see `read_events`.
    """
    torn = torn_end(data, path, full=full, before=before)
    yield from io.BytesIO(data if torn is None else data[: torn.start] + torn.kept)


def torn_end(data: bytes, path: Path, *, full: bool = False, before: int = 0) -> Torn | None:
    """Return what is torn at the end of a file's bytes; None where every line is whole.

    A crash tears the last line. After a power cut any block of what wasn't synced may be zeros,
    those in front of whole lines too; nobody was told that it was kept.

    Raises:
        DamagedFileError: see `read_events`; the message names the line.
    """
    start = 0
    for number, line in enumerate(io.BytesIO(data), before + 1):
        if event_of(line) is None:
            return _torn(data, start, path, number, full=full)
        start += len(line)
    return None


def _torn(data: bytes, start: int, path: Path, number: int, *, full: bool) -> Torn:
    rest = data[start:]
    lines = [(line, event_of(line) is not None) for line in io.BytesIO(rest)]
    kept = b"".join(line for line, whole in lines if whole)
    last_whole = max((place for place, (_, whole) in enumerate(lines) if whole), default=-1)
    holes = all(whole or b"\0" in line for line, whole in lines[: last_whole + 1])
    if full or (kept and not (holes and len(rest) <= MOST_UNSYNCED)):
        raise DamagedFileError(
            f"{path}, line {number}: is not the line that was written; remove the line to go on "
            "without that event"
        )
    return Torn(start, len(rest) - len(kept), kept)
