"""Full files of events made one, without those that are kept elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail.index.files import sync, write_file_atomically
from longtail.retrieval.data.event_log.checkpoint import open_log
from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.event_log.reading import events_in
from longtail.retrieval.data.event_log.segments import Segment, listed, open_segments
from longtail.retrieval.data.event_log.stored_pages import FOLDER
from longtail.retrieval.data.events import UserEvent

_AT_ONCE = 1 << 16


class Compaction(NamedTuple):
    """Events that were kept and that were dropped, and the files that they were in."""

    kept: int
    dropped: int
    files: int


def compact(folder: Path, held: Callable[[Sequence[UserEvent]], NDArray[np.bool_]]) -> Compaction:
    """Write a folder's events into one file, without those that ``held`` says are kept elsewhere.

    Who calls holds the folder's run. Killed at any moment all events are there, none twice: the
    new file's name says for which it stands.

    Raises:
        DamagedFileError: a line was altered.
        OSError, DiskFullError: there is no room; the files are as they were.
    """
    writer, _ = LogWriter.open(folder)
    if writer.end:
        writer.turn()
    writer.close()
    full, kept, dropped = listed(folder)[0], 0, 0
    if not full:
        return Compaction(0, 0, 0)
    whole = Segment(full[0].first, full[-1].last)
    with (
        open_segments(folder) as segments,
        write_file_atomically(folder / whole.name) as temporary,
        temporary.open("wb") as file,
    ):
        all_lines = events_in(segments)
        while lines := list(islice(all_lines, _AT_ONCE)):
            there = held([event for _, event in lines])
            file.writelines(
                line for (line, _), drop in zip(lines, there.tolist(), strict=True) if not drop
            )
            dropped += int(there.sum())
            kept += len(lines) - int(there.sum())
    (folder / whole.name).chmod(0o600)
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    for one in full if kept else [*full, whole]:
        if one != whole or not kept:
            (folder / one.name).unlink(missing_ok=True)
    sync(folder)
    # What is large has its pages at once, and not at the next start.
    open_log(folder).writer.close()
    return Compaction(kept, dropped, len(full))
