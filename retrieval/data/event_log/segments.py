"""The files of a folder of events: one that is appended to, and those that are full.

``events.jsonl`` takes what comes. Full ones are called by their number, and one that stands for
several, since they were compacted, by the first and the last of theirs::

    events-000001-000007.jsonl   events-000008.jsonl   events.jsonl
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from longtail.index.disk.regular_file import open_regular
from longtail.index.errors import LongtailError
from longtail.retrieval.data.events import START

NAME = "events.jsonl"
REMEDY = "move it away; the events are in files"
_FULL = re.compile(r"events-(\d{6,})(?:-(\d{6,}))?\.jsonl")
_TRIES = 5


@dataclass(frozen=True, order=True)
class Segment:
    """A full file of events: the numbers of the first and of the last that it stands for."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """The file's name.

        >>> Segment(8, 8).name, Segment(1, 7).name
        ('events-000008.jsonl', 'events-000001-000007.jsonl')
        """
        several = "" if self.first == self.last else f"-{self.last:06d}"
        return f"events-{self.first:06d}{several}.jsonl"

    def stands_for(self, other: Segment) -> bool:
        """Return whether all that the other holds was looked at when this one was written."""
        return self != other and self.first <= other.first and other.last <= self.last


@dataclass(frozen=True)
class OpenSegment:
    """A file of events that stays readable whatever happens to its name.

    Attributes:
        segment: which of the full ones; None for the one that is appended to.
    """

    path: Path
    file: BinaryIO
    segment: Segment | None = None

    @property
    def size(self) -> int:
        """Its bytes by now."""
        return os.fstat(self.file.fileno()).st_size


def listed(folder: Path) -> tuple[list[Segment], list[Segment]]:
    """Return the full segments, oldest first, and what a killed compaction left of others."""
    names = os.listdir(folder) if folder.is_dir() else []
    found = sorted(_segment_of(match) for match in map(_FULL.fullmatch, names) if match)
    over = [one for one in found if any(other.stands_for(one) for other in found)]
    return [one for one in found if one not in over], over


def next_segment(folder: Path) -> Segment:
    """Return what the next full segment is called."""
    last = max((one.last for part in listed(folder) for one in part), default=0)
    return Segment(last + 1, last + 1)


@contextmanager
def open_segments(folder: Path) -> Iterator[list[OpenSegment]]:
    """Yield the files of events, oldest first, as they were at one moment.

    A writer may fill one, or compact them, meanwhile: nothing is read twice, and nothing missed.
    """
    with ExitStack() as files:
        yield _opened(folder, files)


def has_events(folder: Path) -> bool:
    """Return whether anything stands in a folder of events."""
    with open_segments(folder) as segments:
        return any(one.size for one in segments)


def is_service_log(path: Path) -> bool:
    """Return whether a file is a service's (all of its folder then), and not of an owner's own."""
    if path.name != NAME:
        return False
    if not path.is_file():
        return has_events(path.parent)
    with open_regular(path, remedy=REMEDY) as file:
        start = file.read(len(START))
    return not start or start == START


def _opened(folder: Path, files: ExitStack) -> list[OpenSegment]:
    for _ in range(_TRIES):
        with ExitStack() as tried:
            # The newest first: if it is filled before the others are listed, it is among them.
            newest = _open(folder / NAME, None, tried)
            full = [_open(folder / one.name, one, tried) for one in listed(folder)[0]]
            if None in full:
                continue  # compacted meanwhile: another look shows what stands for it
            found = [one for one in full if one is not None]
            if newest is not None and not any(_same(newest, one) for one in found):
                found.append(newest)
            files.enter_context(tried.pop_all())
            return found
    raise LongtailError(f"{folder} changes faster than it can be read; run the command again")


def _open(path: Path, segment: Segment | None, files: ExitStack) -> OpenSegment | None:
    try:
        return OpenSegment(path, files.enter_context(open_regular(path, remedy=REMEDY)), segment)
    except FileNotFoundError:
        return None


def _same(one: OpenSegment, other: OpenSegment) -> bool:
    return os.path.sameopenfile(one.file.fileno(), other.file.fileno())


def _segment_of(match: re.Match[str]) -> Segment:
    first = int(match[1])
    return Segment(first, int(match[2] or first))
