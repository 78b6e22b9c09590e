"""A folder of events as a service opens it: what is long past in pages, the rest in memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import LongtailError
from longtail.index.storage.leftovers import remove_leftovers
from longtail.retrieval.data.event_log.event_pages import EventPages
from longtail.retrieval.data.event_log.event_table import EventTable
from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.event_log.reading import events_in
from longtail.retrieval.data.event_log.segments import OpenSegment, Segment, open_segments
from longtail.retrieval.data.event_log.stored_pages import (
    FOLDER,
    load_pages,
    record_of,
    store_pages,
)
from longtail.retrieval.data.events import UserEvent

# A file of so many bytes is full: it is as much as is read line by line at a start, and as is kept
# in memory, some 80,000 events.
FULL_BYTES = 8 << 20


@dataclass(frozen=True)
class OpenedLog:
    """A folder of events that is written to.

    Attributes:
        pages: of those that are long past, None without any.
        recent: all others, in the order in which they came.
        torn: bytes that a crash left of lines that weren't acknowledged.
    """

    writer: LogWriter
    pages: EventPages | None
    recent: list[UserEvent]
    torn: int


def open_log(folder: Path) -> OpenedLog:
    """Return the log in a folder, made if there is none; who calls holds the folder's run.

    Raises:
        DamagedFileError: a line was altered.
        OSError: the folder can't be written to.
    """
    writer, torn = LogWriter.open(folder)
    try:
        remove_leftovers(folder / FOLDER)
        pages = load_pages(folder, {one.path.name: one.path for one in writer.full})
        if writer.end + sum(one.size for one in _behind(writer.full, pages)) > FULL_BYTES:
            if writer.end:
                writer.turn()
            pages = newer_pages(folder, pages)
        with open_segments(folder) as segments:
            recent = [event for _, event in events_in(_behind(segments, pages))]
    except BaseException:
        writer.close()
        raise
    return OpenedLog(writer, pages, recent, torn)


def newer_pages(
    folder: Path, before: EventPages | None, last: Segment | None = None
) -> EventPages | None:
    """Return pages of all full files, up to the ``last``, and keep them on the disk.

    Where the disk doesn't take them they are in memory alone: the files have the events.

    Raises:
        DamagedFileError: a line was altered.
        OSError: a file can't be read.
    """
    with open_segments(folder) as segments:
        fresh = [
            one
            for one in _behind(segments, before)
            if one.segment is not None and (last is None or one.segment.last <= last.last)
        ]
        if not fresh:
            return before
        covered = {one.path.name: record_of(one.path) for one in fresh}
        table = EventTable.read(fresh)
    pages = EventPages.of(table, {**(before.covered if before else {}), **covered}, before)
    del table
    with suppress(LongtailError, OSError):
        return store_pages(folder, pages)
    return pages


def _behind(segments: Sequence[OpenSegment], pages: EventPages | None) -> list[OpenSegment]:
    covered = set() if pages is None else set(pages.covered)
    return [one for one in segments if one.path.name not in covered]
