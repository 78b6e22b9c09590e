"""Users' histories as they are now: the log's, and what the service has heard since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import UserEvent, contradicts
from longtail.retrieval.data.histories.histories import Histories, Past
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import TAKEN
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
    _heard: dict[str, list[UserEvent]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of events."""
        return sum(map(len, self._heard.values()))

    def add(self, events: Iterable[UserEvent]) -> None:
        """Let these events be known; those of one user go by their time."""
        fresh = list(events)
        self.clock.add(fresh)
        for event in fresh:
            heard = self._heard.setdefault(event.user_id, [])
            # The list's order must not depend on ids: same time, order of arrival.
            start = bisect_left(heard, event.timestamp, key=_timestamp)
            end = bisect_right(heard, event.timestamp, lo=start, key=_timestamp)
            # At once, for whoever reads meanwhile.
            heard[start:end] = [
                *(earlier for earlier in heard[start:end] if not contradicts(event, earlier)),
                event,
            ]

    def replace(self, events: Iterable[UserEvent]) -> None:
        """Let these events be all that is known."""
        fresh = UserHistories()
        fresh.add(events)
        # At once, for whoever reads meanwhile.
        self._heard = fresh._heard
        self.clock.replace(fresh.clock)

    def rows(self, retriever: Retriever, user_id: str) -> NDArray[np.int32] | None:
        """Return all that a user took, as rows of this version; None for an unknown user."""
        past = self.past(retriever, user_id)
        return None if past is None else past.items

    def past(self, retriever: Retriever, user_id: str) -> Past | None:
        """Return the same with when each was taken, where the log has a clock, and what is beside.

        Of what a user did with an item the last word counts, as in a log.
        """
        logged = retriever.logged_past(user_id)
        heard = self._heard.get(user_id)
        if heard is None:
            return logged
        # A copy: events arrive while the engine's thread reads.
        events: Sequence[UserEvent] = tuple(heard)
        if logged is not None:
            events = _unheard(retriever, events)
        fresh = retriever.bundle.catalog.rows_of(event.item_id for event in events)
        # Of an item that the catalog has forgotten nothing is known.
        known = fresh >= 0
        items = fresh[known].astype(np.int32)
        times = np.array([event.timestamp for event in events], np.int64)[known]
        codes = np.array([event.code for event in events], np.int8)[known]
        if (codes != TAKEN).any() or (logged is not None and logged.beside is not None):
            return _as_logged(retriever, user_id, items, times, codes)
        if not retriever.bundle.log.has_clock:
            return Past(items if logged is None else np.concatenate([logged.items, items]))
        if logged is None or logged.times is None:
            return Past(items, times)
        return Past(np.concatenate([logged.items, items]), np.concatenate([logged.times, times]))


def _timestamp(event: UserEvent) -> int:
    return event.timestamp


def _unheard(retriever: Retriever, events: Sequence[UserEvent]) -> Sequence[UserEvent]:
    """Return the events that the log of this version doesn't hold."""
    held = logged(retriever.bundle, events, retriever.position)
    return [event for event, there in zip(events, held, strict=True) if not there]


def _as_logged(
    retriever: Retriever,
    user_id: str,
    items: NDArray[np.int32],
    times: NDArray[np.int64],
    codes: NDArray[np.int8],
) -> Past:
    """Return what a log would say of a user that held these events, too."""
    log, position = retriever.bundle.log, retriever.position(user_id)
    # Of the log's own type: another one would copy the whole column.
    user = log.user.dtype.type(-1 if position is None else position)
    part = slice(*(int(np.searchsorted(log.user, user, side)) for side in ("left", "right")))
    logged_codes = np.full_like(log.item[part], TAKEN) if log.label is None else log.label[part]
    time = np.concatenate([log.time[part], times])
    order = np.argsort(time, kind="stable") if log.has_clock else np.arange(len(time))
    own = Interactions(
        user_ids=np.array([user_id], dtype=object),
        user=np.zeros(len(time), np.int32),
        item=np.concatenate([log.item[part], items])[order],
        time=time[order],
        has_clock=log.has_clock,
        label=np.concatenate([logged_codes, codes]).astype(np.int8)[order],
    )
    return Histories.from_interactions(own).past(0)
