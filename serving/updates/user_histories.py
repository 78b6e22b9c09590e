"""Users' histories as they are now: the log's, and what the service has heard since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.event_log.event_pages import EventPages
from longtail.retrieval.data.event_log.said import still_said
from longtail.retrieval.data.events import UserEvent, contradicts
from longtail.retrieval.data.histories.histories import Histories, Past
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.updates.live_clock import LiveClock
from longtail.serving.updates.logged_events import in_log

_Heard = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int8]]
# What came while one file was filled, by user and time: item ids, since rows are a version's.
_Generation = dict[str, list[UserEvent]]


@dataclass(frozen=True)
class _Layers:
    """All that was heard: pages, and behind them what came since, in the order in which it came."""

    pages: EventPages | None
    generations: tuple[_Generation, ...]


class _RowsOfPages(NamedTuple):
    # Weak: they are large, and of no use once others are served.
    pages: ref[EventPages]
    catalog: ref[Catalog]
    rows: NDArray[np.int32]


@dataclass
class UserHistories:
    """What the service was told, by user.

    Which of it a version's log holds differs from version to version, so all of it is kept: in
    memory what came since the last pages were made, the rest in those, on the disk.

    Attributes:
        clock: what the same events say of the items.
    """

    clock: LiveClock = field(default_factory=LiveClock)
    _layers: _Layers = field(default_factory=lambda: _Layers(None, ({},)))
    _sealed: list[int] = field(default_factory=list)
    _rows: tuple[_RowsOfPages, ...] = ()

    def __len__(self) -> int:
        """Return the number of events, but for those that later ones have denied in memory."""
        pages, generations = self._layers.pages, self._layers.generations
        recent = sum(len(heard) for one in generations for heard in one.values())
        return recent + (0 if pages is None else len(pages))

    @classmethod
    def of(cls, pages: EventPages | None, events: Iterable[UserEvent]) -> UserHistories:
        """Return what pages say, and the events that came after."""
        histories = cls(LiveClock(pages), _Layers(pages, ({},)))
        histories.add(events)
        return histories

    @property
    def pages(self) -> EventPages | None:
        """What is long past, on the disk."""
        return self._layers.pages

    def add(self, events: Iterable[UserEvent]) -> None:
        """Let these events be known; those of one user go by their time."""
        fresh = list(events)
        self.clock.add(fresh)
        newest = self._layers.generations[-1]
        for event in fresh:
            heard = newest.setdefault(event.user_id, [])
            # The list's order must not depend on ids: same time, order of arrival.
            start = bisect_left(heard, event.timestamp, key=_timestamp)
            end = bisect_right(heard, event.timestamp, lo=start, key=_timestamp)
            # At once, for whoever reads meanwhile.
            heard[start:end] = [
                *(earlier for earlier in heard[start:end] if not contradicts(event, earlier)),
                event,
            ]

    def seal(self) -> int:
        """Let what comes from now on be of another file; return how many are full by now."""
        layers = self._layers
        self._layers = replace(layers, generations=(*layers.generations, {}))
        self._sealed.append(len(self.clock))
        return len(self._sealed)

    def turn_to(self, pages: EventPages, sealed: int) -> None:
        """Let pages say what the oldest ``sealed`` full files have said, and what was before."""
        self._layers = _Layers(pages, self._layers.generations[sealed:])
        oldest = self._sealed[sealed - 1] if sealed else 0
        self._sealed = [count - oldest for count in self._sealed[sealed:]]
        self.clock.turn_to(pages, oldest)

    def replace(self, other: UserHistories) -> None:
        """Know what another one knows, and nothing else."""
        self._layers, self._sealed = other._layers, other._sealed
        self.clock.replace(other.clock)

    def rows(self, retriever: Retriever, user_id: str) -> NDArray[np.int32] | None:
        """Return all that a user took, as rows of this version; None for an unknown user."""
        past = self.past(retriever, user_id)
        return None if past is None else past.items

    def past(self, retriever: Retriever, user_id: str) -> Past | None:
        """Return the same with when each was taken, where the log has a clock, and what is beside.

        Of what a user did with an item the last word counts, as in a log.
        """
        logged = retriever.logged_past(user_id)
        heard = self._heard(retriever.bundle.catalog, user_id)
        if heard is None:
            return logged
        rows, times, codes = heard
        # Of an item that the catalog has forgotten nothing is known.
        fresh = rows >= 0
        if logged is not None:
            position = retriever.position(user_id)
            user = np.full(len(rows), -1 if position is None else position)
            fresh &= ~in_log(retriever.bundle, user, rows, times, codes)
        items, times, codes = rows[fresh], times[fresh], codes[fresh]
        if (codes != TAKEN).any() or (logged is not None and logged.beside is not None):
            return _as_logged(retriever, user_id, items, times, codes)
        if not retriever.bundle.log.has_clock:
            return Past(items if logged is None else np.concatenate([logged.items, items]))
        if logged is None or logged.times is None:
            return Past(items, times)
        return Past(np.concatenate([logged.items, items]), np.concatenate([logged.times, times]))

    def _heard(self, catalog: Catalog, user_id: str) -> _Heard | None:
        """Return rows, times and meanings of what a user did, by time; None for nothing."""
        layers = self._layers
        # Copies: events arrive while the engine's thread reads.
        events = [event for one in layers.generations for event in tuple(one.get(user_id, ()))]
        rows = _rows_of(catalog, (event.item_id for event in events))
        times = np.array([event.timestamp for event in events], np.int64)
        codes = np.array([event.code for event in events], np.int8)
        part = slice(0, 0)
        if layers.pages is not None:
            pages, part = layers.pages, layers.pages.part_of(user_id)
            earlier = np.flatnonzero(pages.said[part]) + part.start
            of_pages = self._rows_of_pages(pages, catalog)[pages.item[earlier]]
            rows = np.concatenate([of_pages, rows])
            times = np.concatenate([pages.time[earlier], times])
            codes = np.concatenate([pages.code[earlier], codes])
        if not len(rows):
            return None
        if len(layers.generations) > 1 or part.stop > part.start:
            order = np.argsort(times, kind="stable")
            rows, times, codes = rows[order], times[order], codes[order]
            said = still_said(np.zeros(len(rows), np.int8), rows, times, codes)
            rows, times, codes = rows[said], times[said], codes[said]
        return rows, times, codes

    def _rows_of_pages(self, pages: EventPages, catalog: Catalog) -> NDArray[np.int32]:
        known = self._rows
        for one in known:
            if one.pages() is pages and one.catalog() is catalog:
                return one.rows
        rows = _rows_of(catalog, pages.item_ids.to_pylist())
        # The version that answers, and the one that is tried out beside it.
        self._rows = (_RowsOfPages(ref(pages), ref(catalog), rows), *known)[:2]
        return rows


def _rows_of(catalog: Catalog, ids: Iterable[str]) -> NDArray[np.int32]:
    return catalog.rows_of(ids).astype(np.int32)


def _timestamp(event: UserEvent) -> int:
    return event.timestamp


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
