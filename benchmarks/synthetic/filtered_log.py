"""Made-up dated logs, and catalogs chosen from them: by nothing, by the past, by the future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Interactions

SHAPES = ("power", "steep", "lognormal", "narrow")
MOTIONS = ("still", "arrivals", "fading", "bursts")
DAY_S, YEAR_S, START_S = 86_400, 365 * 86_400, 1_600_000_000
ARRIVING, FADE, BURSTS, BURST_WIDTH, BURST_SHARE = 0.6, 0.1, 3, 0.01, 0.6


@dataclass(frozen=True)
class DatedEvents:
    """Events in the order of their time; a user takes an item once.

    Attributes:
        item: int32 [m].
        user: int32 [m].
        time: share of the year that has passed, float64 [m].
        n_items: items, those without events included.
    """

    item: NDArray[np.int32]
    user: NDArray[np.int32]
    time: NDArray[np.float64]
    n_items: int

    def of_items(self, keep: NDArray[np.bool_]) -> DatedEvents:
        """Return the events of the items kept, bool [n_items], numbered anew."""
        row = (np.cumsum(keep) - 1).astype(np.int32)
        at = keep[self.item]
        return DatedEvents(row[self.item[at]], self.user[at], self.time[at], int(keep.sum()))

    def first(self, share: float) -> DatedEvents:
        """Return the first events, as a temporal split would cut them."""
        m = round(share * len(self.item))
        return DatedEvents(self.item[:m], self.user[:m], self.time[:m], self.n_items)

    def until(self, moment: float) -> DatedEvents:
        """Return the events up to a share of the year."""
        return self.first(np.searchsorted(self.time, moment, side="right") / len(self.time))

    def counts(self) -> NDArray[np.int64]:
        """Return the events of each item, int64 [n_items]."""
        return np.bincount(self.item, minlength=self.n_items)

    def log(self) -> Interactions:
        """Return them as a log with clock times."""
        order = np.lexsort((self.time, self.user))
        present, user = np.unique(self.user[order], return_inverse=True)
        return Interactions(
            np.array([f"u{i}" for i in present], dtype=object),
            user.astype(np.int32),
            self.item[order],
            START_S + (self.time[order] * YEAR_S).astype(np.int64),
            has_clock=True,
        )


def make_events(n_items: int, n_events: int, shape: str, motion: str, seed: int) -> DatedEvents:
    """Return a year of events.

    ``shape`` is how the items' popularity is distributed; ``motion`` says whether they were there
    from the start, arrive over the year, fade after they came, or are taken in bursts.
    """
    rng = np.random.default_rng(seed)
    rank = np.arange(1, n_items + 1)
    weight = {
        "power": rank**-0.9,
        "steep": rank**-1.3,
        "lognormal": rng.lognormal(0, 1.2, n_items),
        "narrow": rng.lognormal(0, 0.5, n_items),
    }[shape]
    arrives = (rng.random(n_items) < ARRIVING) & (motion != "still")
    birth = np.where(arrives, rng.random(n_items), 0.0)
    weight = weight * (1 - birth)
    item = rng.choice(n_items, n_events, p=weight / weight.sum()).astype(np.int32)
    left = 1 - birth[item]
    if motion == "fading":
        age = -FADE * np.log(1 - rng.random(n_events) * (1 - np.exp(-left / FADE)))
    else:
        age = left * rng.random(n_events)
    time = birth[item] + age
    if motion == "bursts":
        centre = birth[:, None] + (1 - birth[:, None]) * rng.random((n_items, BURSTS))
        near = centre[item, rng.integers(0, BURSTS, n_events)]
        near = np.abs(near + BURST_WIDTH * rng.standard_normal(n_events)).clip(0, 1)
        time = np.where(rng.random(n_events) < BURST_SHARE, near, time)
    n_users = max(50, n_events // 15)
    activity = rng.lognormal(0, 1, n_users)
    user = rng.choice(n_users, n_events, p=activity / activity.sum()).astype(np.int32)
    order = np.argsort(time, kind="stable")
    pair = user[order].astype(np.int64) * n_items + item[order]
    once = order[np.sort(np.unique(pair, return_index=True)[1])]
    return DatedEvents(item[once], user[once], time[once], n_items)


def core(events: DatedEvents, least: int) -> DatedEvents:
    """Return the k-core: items and users with ``least`` events each, again and again."""
    while True:
        users = np.bincount(events.user)
        keep = (events.counts()[events.item] >= least) & (users[events.user] >= least)
        if keep.all():
            return events.of_items(events.counts() > 0)
        events = DatedEvents(
            events.item[keep], events.user[keep], events.time[keep], events.n_items
        )


def chosen_by_the_past(events: DatedEvents, least: int, until: float) -> DatedEvents:
    """Return the events of items that had ``least`` of them before a share of the chosen log.

    The moment is sought among the events that are left, since a split is cut among these.
    """
    moment = float(np.quantile(events.time, until))
    for _ in range(20):
        early = np.bincount(events.item[events.time <= moment], minlength=events.n_items)
        left = events.of_items(early >= least)
        if not len(left.item) or float(np.quantile(left.time, until)) >= moment:
            break
        moment = float(np.quantile(left.time, until))
    return left
