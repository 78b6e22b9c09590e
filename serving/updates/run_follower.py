"""The events of a run whose folder was replaced go on in the folder that is at its path now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import LongtailError
from longtail.retrieval.data.event_log.checkpoint import open_log
from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.events import EVENTS, event_of
from longtail.retrieval.run.bundle import Bundle, read_manifest
from longtail.retrieval.run.lease import ServingLease
from longtail.retrieval.run.sealed_json import SEAL
from longtail.serving.engine.model_registry import ModelRegistry
from longtail.serving.updates.logged_events import logged
from longtail.serving.updates.user_histories import UserHistories


@dataclass(eq=False)
class RunFollower:
    """Opens the log of the folder at a run's path, with what it lacks of another log's events.

    Those that the training log of the new run holds stay behind: they count once, in there.
    """

    registry: ModelRegistry
    lease: ServingLease | None
    _seal: str

    @classmethod
    def of(cls, registry: ModelRegistry, lease: ServingLease | None) -> RunFollower:
        """Return the follower of a run that is served from the folder at its path."""
        return cls(registry, lease, registry.seal)

    def __call__(self, before: LogWriter) -> tuple[LogWriter, UserHistories]:
        """Return the writer of the folder at the path, and what its events say now.

        Raises:
            LeaseError: another process serves it.
            LongtailError: there is no run, or its events can't be read.
            OSError: the disk doesn't take them. Another call carries over what is missing then.
        """
        run = self.registry.run
        # First what is served: the log of its training says what stays behind.
        self.registry.refresh()
        seal = read_manifest(run)[SEAL]
        if self.lease is not None:
            self.lease.follow()
        writer, _ = LogWriter.open(run / EVENTS)
        try:
            for lines in _lacking(before, writer):
                writer.append_lines(self._not_in_log(lines, seal))
        finally:
            writer.close()
        opened = open_log(run / EVENTS)
        if read_manifest(run)[SEAL] != seal:
            opened.writer.close()
            raise LongtailError(f"{run} was replaced once more; it is followed again")
        self._seal = seal
        return opened.writer, UserHistories.of(opened.pages, opened.recent)

    def _not_in_log(self, lines: Sequence[bytes], seal: str) -> Iterable[bytes]:
        bundle = self._new_run(seal)
        events = [event_of(line) for line in lines] if bundle is not None else []
        known = [event for event in events if event is not None]
        if bundle is None or len(known) != len(lines):
            return lines
        held = logged(bundle, known)
        return [line for line, there in zip(lines, held.tolist(), strict=True) if not there]

    def _new_run(self, seal: str) -> Bundle | None:
        """Return the engine of the new run; None where its log may not be what stays.

        A learned log can be rolled back; the training's can't.
        """
        registry, bundle = self.registry, self.registry.retriever.bundle
        same = seal == self._seal or seal != registry.seal or registry.trouble is not None
        return None if same or bundle.learned is not None else bundle


def _lacking(before: LogWriter, after: LogWriter) -> Iterator[list[bytes]]:
    """Yield the lines of a log that another one lacks, block by block."""
    missing = occurrences_missing(_sums(before), _sums(after))
    at = 0
    for lines in before.lines():
        here = missing[at : at + len(lines)].tolist()
        at += len(lines)
        yield [line for line, lacks in zip(lines, here, strict=True) if lacks]


def _sums(writer: LogWriter) -> NDArray[np.int64]:
    # Eight bytes a line: millions of events may be carried over.
    blocks = [np.fromiter(map(hash, lines), np.int64, len(lines)) for lines in writer.lines()]
    return np.concatenate([np.empty(0, np.int64), *blocks])


def occurrences_missing(
    there: NDArray[np.int64], elsewhere: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which values aren't elsewhere as often as they have come by then, bool [n].

    >>> occurrences_missing(np.array([5, 7, 5, 5]), np.array([5, 9, 5])).tolist()
    [False, True, False, True]
    """
    if not len(there):
        return np.empty(0, np.bool_)
    values, counts = np.unique(elsewhere, return_counts=True)
    order = np.argsort(there, kind="stable")
    ordered, places = there[order], np.arange(len(there))
    begins = np.append(True, ordered[1:] != ordered[:-1])
    occurrence = places - np.maximum.accumulate(np.where(begins, places, 0))
    low, high = (np.searchsorted(values, ordered, side) for side in ("left", "right"))
    have = np.zeros(len(there), np.int64)
    have[high > low] = counts[low[high > low]]
    missing = np.empty(len(there), np.bool_)
    missing[order] = occurrence >= have
    return missing
