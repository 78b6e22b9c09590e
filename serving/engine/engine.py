"""One version of the engine, ready to answer: what a batch of requests is ranked with."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import TakenItem
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.served_run import ServedRun
from longtail.serving.engine.timed_pipeline import Stopwatch, TimedPipeline

MASKS_KEPT = 64


@dataclass(frozen=True, eq=False)
class Engine:
    """A retriever, and the versions that its answers carry.

    Attributes:
        served: the run as this version serves it.
        retriever: what answers.
        versions: index version and model, as every answer says them.
        stopwatch: times the stages of the engine's thread.
    """

    served: ServedRun
    retriever: Retriever
    versions: dict[str, str]
    stopwatch: Stopwatch
    _masks: OrderedDict[tuple[str, ...], NDArray[np.bool_]] = field(
        default_factory=OrderedDict, repr=False
    )
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def of(cls, served: ServedRun, stopwatch: Stopwatch) -> Engine:
        """Return the engine of a run that is open, its stages timed by ``stopwatch``."""
        retriever = Retriever.of(served)
        timed = TimedPipeline(served.bundle, served.index, stopwatch)
        return cls(
            served,
            replace(retriever, ranking=timed),
            {
                "index": served.index.stored_parts.version,
                "model": served.index.tower_fingerprint[:12],
            },
            stopwatch,
        )

    @cached_property
    def _titles(self) -> NDArray[np.object_] | None:
        titles = self.retriever.bundle.catalog.frame.get("title")
        return None if titles is None else titles.to_numpy(dtype=object)

    def has_logged(self, event: TakenItem) -> bool:
        """Return whether the interaction log of the run has this very event."""
        bundle = self.served.trained
        user = self.retriever.position(event.user_id)
        if user is None:
            return False
        log, row = bundle.log, bundle.catalog.rows_of([event.item_id])[0]
        start, end = np.searchsorted(log.user, [user, user + 1])
        same = (log.item[start:end] == row) & (log.time[start:end] == event.timestamp)
        return bool(same.any())

    def title(self, row: int) -> str | None:
        """Return an item's title, None where it has none."""
        title = None if self._titles is None else self._titles[row]
        return title if isinstance(title, str) else None

    def allowed(self, where: tuple[str, ...]) -> NDArray[np.bool_] | None:
        """Return the rows that pass the filters, bool [n], or None without filters.

        The latest filters are kept: shops ask the same few again and again.

        Raises:
            QueryError: a filter that can't be read.
        """
        if not where:
            return None
        with self._lock:
            found = self._masks.get(where)
            if found is not None:
                self._masks.move_to_end(where)
                return found
        found = self.retriever.allowed(where)
        assert found is not None
        with self._lock:
            self._masks[where] = found
            while len(self._masks) > MASKS_KEPT:
                self._masks.popitem(last=False)
        return found
