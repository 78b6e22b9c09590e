"""How lately items are taken, the events that the service hears included."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.run.bundle import Bundle
from longtail.serving.updates.logged_events import logged

# Share of the time that may go into moving the clock: of a large catalog events wait a moment.
MOST_TIME = 0.02


@dataclass
class LiveClock:
    """The events of a service, told to the clock of whichever version answers.

    Of a user who takes an item again the first taking counts. Events that a version's clock has
    seen, because it was renewed since, don't count twice: those that are in the log that it has
    learned, and of a clock that is of another log those up to its moment.
    """

    _taken: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _base: ItemClock | None = None
    _moved: ItemClock | None = None
    _told: int = 0
    _rest_until: float = 0.0

    def add(self, events: Iterable[UserEvent]) -> None:
        """Let these events be known; what wasn't taken says nothing of an item's pace."""
        with self._lock:
            for event in events:
                if event.meaning != "taken":
                    continue
                self._taken.setdefault((event.user_id, event.item_id), event.timestamp)

    def replace(self, other: LiveClock) -> None:
        """Know what another one knows, and nothing else."""
        with self._lock:
            self._taken, self._base = other._taken, None

    def of(self, bundle: Bundle) -> ItemClock | None:
        """Return the clock of a version, moved to the newest event; None where it has none."""
        clock = bundle.clock
        if clock is None:
            return None
        with self._lock:
            if self._base is not clock:
                self._base, self._moved, self._told, self._rest_until = clock, clock, 0, 0.0
            began = time.monotonic()
            if self._moved is not None and self._told < len(self._taken):
                if began < self._rest_until:
                    return self._moved
                self._moved = self._tell(clock, self._moved, bundle)
                # What is worked out of it anew is part of the price.
                _ = self._moved.log_rates, self._moved.ages, self._moved.falling
                ended = time.monotonic()
                self._rest_until = ended + (ended - began) / MOST_TIME
            return self._moved

    def _tell(self, base: ItemClock, moved: ItemClock, bundle: Bundle) -> ItemClock:
        fresh = list(self._taken.items())[self._told :]
        self._told = len(self._taken)
        rows = bundle.catalog.rows_of(item for (_, item), _ in fresh)
        moment = np.array([taken for _, taken in fresh], np.int64)
        counted = (rows >= 0) & ~_logged(bundle, fresh)
        if not _of_own_log(bundle, base):
            counted &= moment > base.now
        return moved.with_taken(rows[counted], moment[counted])


def _logged(bundle: Bundle, events: list[tuple[tuple[str, str], int]]) -> NDArray[np.bool_]:
    asked = {user for (user, _), _ in events}
    position = {user: i for i, user in enumerate(bundle.log.user_ids) if user in asked}
    taken = [UserEvent(user, item, time) for (user, item), time in events]
    return logged(bundle, taken, position.get)


def _of_own_log(bundle: Bundle, clock: ItemClock) -> bool:
    """Return whether a clock has seen what the learned log holds, and nothing else."""
    return bundle.learned is not None and clock.now == bundle.log.taken().time.max(initial=0)
