"""How lately items are taken, the events that the service hears included."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.event_log.event_pages import EventPages
from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.run.bundle import Bundle
from longtail.serving.updates.logged_events import logged
from longtail.serving.updates.page_events import first_takings

# Share of the time that may go into moving the clock: of a large catalog events wait a moment.
MOST_TIME = 0.02
# The version that answers, and the one that is tried out beside it.
_VERSIONS = 2


@dataclass(eq=False)
class _Moved:
    """The clock of a version, and how many of the latest events it was told.

    Attributes:
        base: the version's own.
    """

    base: ItemClock
    clock: ItemClock
    told: int = 0
    rest_until: float = 0.0


@dataclass
class LiveClock:
    """The events of a service, told to the clock of whichever version answers.

    Of a user who takes an item again the first taking counts. Events that a version's clock has
    seen, because it was renewed since, don't count twice: those that are in the log that it has
    learned, and of a clock that is of another log those up to its moment.
    """

    _pages: EventPages | None = None
    _taken: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _moved: list[_Moved] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many takings are in memory."""
        return len(self._taken)

    def add(self, events: Iterable[UserEvent]) -> None:
        """Let these events be known; what wasn't taken says nothing of an item's pace."""
        with self._lock:
            for event in events:
                if event.meaning != "taken":
                    continue
                self._taken.setdefault((event.user_id, event.item_id), event.timestamp)

    def turn_to(self, pages: EventPages, oldest: int) -> None:
        """Let pages say what the ``oldest`` takings in memory have said, and those before them."""
        with self._lock:
            if any(moved.told < oldest for moved in self._moved):
                self._moved = []
            for moved in self._moved:
                moved.told -= oldest
            self._taken = dict(list(self._taken.items())[oldest:])
            self._pages = pages

    def replace(self, other: LiveClock) -> None:
        """Know what another one knows, and nothing else."""
        with self._lock:
            self._pages, self._taken, self._moved = other._pages, other._taken, []

    def of(self, bundle: Bundle) -> ItemClock | None:
        """Return the clock of a version, moved to the newest event; None where it has none."""
        clock = bundle.clock
        if clock is None:
            return None
        while (moved := self._begun(clock)) is None:
            # Millions of events take a second: others write and answer meanwhile.
            pages = self._pages
            begun = _Moved(clock, clock if pages is None else _with_pages(clock, bundle, pages))
            with self._lock:
                if pages is self._pages:
                    self._moved = [begun, *self._moved][:_VERSIONS]
        with self._lock:
            began = time.monotonic()
            if moved.told < len(self._taken) and began >= moved.rest_until:
                self._tell(moved, bundle)
                # What is worked out of it anew is part of the price.
                _ = moved.clock.log_rates, moved.clock.ages, moved.clock.falling
                ended = time.monotonic()
                moved.rest_until = ended + (ended - began) / MOST_TIME
            return moved.clock

    def _begun(self, clock: ItemClock) -> _Moved | None:
        with self._lock:
            return next((moved for moved in self._moved if moved.base is clock), None)

    def _tell(self, moved: _Moved, bundle: Bundle) -> None:
        fresh = list(self._taken.items())[moved.told :]
        moved.told = len(self._taken)
        if self._pages is not None:
            known = {user: self._pages.taken_by(user) for (user, _), _ in fresh}
            fresh = [one for one in fresh if one[0][1] not in known[one[0][0]]]
        rows = bundle.catalog.rows_of(item for (_, item), _ in fresh)
        moment = np.array([taken for _, taken in fresh], np.int64)
        counted = (rows >= 0) & ~_logged(bundle, fresh)
        if not _of_own_log(bundle, moved.base):
            counted &= moment > moved.base.now
        moved.clock = moved.clock.with_taken(rows[counted], moment[counted])


def _with_pages(clock: ItemClock, bundle: Bundle, pages: EventPages) -> ItemClock:
    moved, own = clock, _of_own_log(bundle, clock)
    for rows, moment in first_takings(bundle, pages):
        counted = np.ones(len(rows), np.bool_) if own else moment > clock.now
        moved = moved.with_taken(rows[counted], moment[counted])
    return moved


def _logged(bundle: Bundle, events: list[tuple[tuple[str, str], int]]) -> NDArray[np.bool_]:
    return logged(bundle, [UserEvent(user, item, time) for (user, item), time in events])


def _of_own_log(bundle: Bundle, clock: ItemClock) -> bool:
    """Return whether a clock has seen what the learned log holds, and nothing else."""
    return bundle.learned is not None and clock.now == bundle.log.taken().time.max(initial=0)
