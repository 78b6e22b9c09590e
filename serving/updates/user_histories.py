"""Users' histories as they are now: the log's, and what the service has heard since."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import TakenItem
from longtail.retrieval.data.interactions import Past
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.updates.live_clock import LiveClock
from longtail.serving.updates.logged_events import logged


@dataclass
class UserHistories:
    """What the service was told, by user; item ids, since rows belong to one version alone.

    Which of it a version's log holds differs from version to version, so all of it is kept.

    Attributes:
        clock: what the same events say of the items.
    """

    clock: LiveClock = field(default_factory=LiveClock)
    _taken: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of events."""
        return sum(map(len, self._taken.values()))

    def add(self, events: Iterable[TakenItem]) -> None:
        """Let these events be known; those of one user go by their time."""
        fresh = list(events)
        self.clock.add(fresh)
        for event in fresh:
            # The list's order must not depend on ids: same time, order of arrival.
            taken = self._taken.setdefault(event.user_id, [])
            insort(taken, (event.timestamp, event.item_id), key=lambda pair: pair[0])

    def rows(self, retriever: Retriever, user_id: str) -> NDArray[np.int32] | None:
        """Return all that a user took, as rows of this version; None for an unknown user."""
        past = self.past(retriever, user_id)
        return None if past is None else past.items

    def past(self, retriever: Retriever, user_id: str) -> Past | None:
        """Return the same with when each was taken, where the log has a clock."""
        logged = retriever.logged_past(user_id)
        taken = self._taken.get(user_id)
        if taken is None:
            return logged
        # A copy: events arrive while the engine's thread reads.
        events = tuple(taken)
        if logged is not None:
            events = self._unheard(retriever, user_id, events)
        fresh = retriever.bundle.catalog.rows_of(item for _, item in events)
        # Of an item that the catalog has forgotten nothing is known.
        items = fresh[fresh >= 0].astype(np.int32)
        times = np.array([time for time, _ in events], np.int64)[fresh >= 0]
        if not retriever.bundle.log.has_clock:
            return Past(items) if logged is None else _joined(logged, items, None)
        if logged is None or logged.times is None:
            return Past(items, times)
        return _joined(logged, items, np.concatenate([logged.times, times]))

    def _unheard(
        self, retriever: Retriever, user_id: str, events: tuple[tuple[float, str], ...]
    ) -> tuple[tuple[float, str], ...]:
        """Return the events that the log of this version doesn't hold."""
        taken = [TakenItem(user_id, item, int(time)) for time, item in events]
        held = logged(retriever.bundle, taken, retriever.position)
        return tuple(event for event, there in zip(events, held, strict=True) if not there)


def _joined(logged: Past, items: NDArray[np.int32], times: NDArray[np.int64] | None) -> Past:
    """Return what the log says of a user with what was heard since."""
    return logged._replace(items=np.concatenate([logged.items, items]), times=times)
