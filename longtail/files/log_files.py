"""The log that a run shall learn: the whole of it, or what is new on top of what the run holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.console.remarks import Say, on_stderr
from longtail.files.input_files import note_set_aside
from longtail.files.reading_options import as_trained
from longtail.files.run_log import read_run_log
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.event_log.segments import is_service_log
from longtail.retrieval.data.events import UserEvent, last_said
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import SHOWN, TAKEN
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.served_run import ServedRun
from longtail.training.learning.logs import check_whole, held_events, on_top


@dataclass(frozen=True)
class LogFile:
    """A file of interactions, and how to read it.

    Attributes:
        path: the file.
        reading: how it is read.
        rejected_path: where rows that are set aside are written.
    """

    path: Path
    reading: Reading
    rejected_path: Path

    def read(
        self,
        served: ServedRun,
        *,
        whole: bool,
        force: bool,
        after_catalog: bool,
        progress: Progress,
        say: Say = on_stderr,
    ) -> Interactions:
        """Return the log to learn, by served rows; rows set aside are on disk by then.

        ``whole``: the file is all of it, else what is new. ``after_catalog``: rows of a catalog
        file may have been set aside already, and stay on the disk.

        Raises:
            DataError: the file can't be used, or isn't the whole log (see `check_whole`).
            DamagedFileError: a line of a service's events was altered.
        """
        rejected, held = RejectedRows(), served.bundle.log
        reading = as_trained(self.reading, served.bundle.config["data"])
        try:
            if is_service_log(self.path):
                log = service_log(self.path, served.bundle.catalog, rejected)
            else:
                log = read_run_log(
                    self.path,
                    served.bundle.catalog,
                    reading=reading,
                    rejected=rejected,
                    progress=progress,
                )
        finally:
            self._write(rejected, after_catalog=after_catalog)
        gone = served.bundle.catalog.is_removed(log.item.astype(np.int64))
        fresh = int((gone & ~held_events(log, held)).sum()) if gone.any() else 0
        if fresh:
            say(
                f"note: {fresh:,} new events are with removed items: they speak in histories, and "
                "the items stay out of answers"
            )
        note_set_aside(rejected, self.rejected_path, say)
        if whole:
            check_whole(log, held, force=force)
            return log
        return on_top(held, log)

    def _write(self, rejected: RejectedRows, *, after_catalog: bool) -> None:
        """Write the rows that were set aside; after those of a catalog file, if there are any."""
        path = self.rejected_path
        earlier = path.read_bytes() if after_catalog and path.exists() else None
        if not len(rejected) and (earlier is not None or not path.exists()):
            return
        rejected.write(path)
        if earlier is not None:
            _, _, rows = path.read_bytes().partition(b"\n")
            path.write_bytes(earlier + rows)


def service_log(path: Path, catalog: Catalog, rejected: RejectedRows) -> Interactions:
    """Return the events of a service as a log; those with items that are unknown are set aside.

    As an interaction file of the same events is read: labels where any wasn't taken, weights where
    any has one, and each event once.

    Raises:
        DataError: no event is left.
        DamagedFileError: a line was altered.
    """
    events = last_said(read_events(path.parent))
    rows = catalog.rows_of(event.item_id for event in events)
    unknown = np.flatnonzero(rows < 0)
    rejected.add(
        path,
        unknown + 1,
        "item_id",
        "item not in the catalog",
        [events[int(number)].item_id for number in unknown],
    )
    kept = [event for event, row in zip(events, rows, strict=True) if row >= 0]
    if not kept:
        raise DataError(f"{path}: no event with an item of the catalog; there is nothing to learn")
    position: dict[str, int] = {}
    user = np.array([position.setdefault(e.user_id, len(position)) for e in kept], np.int32)
    time = np.array([event.timestamp for event in kept], np.int64)
    order = np.lexsort((time, user))
    log = Interactions(
        user_ids=np.array(list(position), dtype=object),
        user=user[order],
        item=rows[rows >= 0].astype(np.int32)[order],
        time=time[order],
        has_clock=True,
        weight=_weights(kept, order),
        label=_labels(kept, order),
    )
    return log.select(~_repeated(log))


def _labels(events: Sequence[UserEvent], order: NDArray[np.int64]) -> NDArray[np.int8] | None:
    codes = np.array([event.code for event in events], np.int8)[order]
    return None if (codes == TAKEN).all() else codes


def _weights(events: Sequence[UserEvent], order: NDArray[np.int64]) -> NDArray[np.float32] | None:
    weights = np.array([event.weight for event in events], np.float32)[order]
    return None if np.isnan(weights).all() else weights


def _repeated(log: Interactions) -> NDArray[np.bool_]:
    """Return which events are there already: a client may have sent one twice.

    An item that was shown at the second in which something else was done is no event of its own.
    """
    columns = {"user": log.user, "item": log.item, "time": log.time}
    label = np.full(len(log), TAKEN, np.int8) if log.label is None else log.label
    frame = pd.DataFrame(columns | {"label": label})
    again = frame.duplicated()
    done = frame.loc[label != SHOWN, list(columns)].drop_duplicates().assign(done=True)
    with_done = frame.merge(done, on=list(columns), how="left")["done"].notna()
    return np.asarray(again | (with_done & (label == SHOWN)), np.bool_)
