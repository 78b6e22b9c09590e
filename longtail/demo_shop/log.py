"""The demo shop's customers: what they like, when they come, and what they buy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtail.demo_shop.items import Item

OPENED = int(np.datetime64("2024-07-01T00:00:00", "s").astype(np.int64))
CLOSED = int(np.datetime64("2025-12-31T00:00:00", "s").astype(np.int64))
DAY_S = 86_400

_NEW_SHARE = 0.1  # of the items, added in the last weeks
_NEW_DAYS = 49
_LATER_SHARE = 0.3  # added at any time between opening and those weeks
_NOISE = 0.08  # of the purchases follow nothing but popularity
_MEAN_EVENTS = 18.0


@dataclass(frozen=True)
class Shelves:
    """The items as arrays.

    Attributes:
        niche, maker, use, product, level: the items' positions in the lists, int64 [n].
        appeal: popularity that has nothing to do with taste, float64 [n].
        added: when the item came in, unix seconds, int64 [n].
        of_niche: rows of each niche.
        opened: when the log begins, unix seconds.
    """

    niche: NDArray[np.int64]
    maker: NDArray[np.int64]
    use: NDArray[np.int64]
    product: NDArray[np.int64]
    level: NDArray[np.int64]
    appeal: NDArray[np.float64]
    added: NDArray[np.int64]
    of_niche: list[NDArray[np.int64]]
    opened: int = OPENED


class Demand(Protocol):
    """How much more, or less, things are wanted at a time than they are for good."""

    def niche_factors(self, time: int) -> NDArray[np.float64]:
        """Return the factor of each niche, float64 [n_niches]; `time` is in unix seconds."""

    def item_factors(self, rows: NDArray[np.int64], time: int) -> NDArray[np.float64]:
        """Return the factor of each of the items within its niche, float64 [len(rows)]."""


def stock_shelves(items: list[Item], n_niches: int, rng: np.random.Generator) -> Shelves:
    """Return the items with an appeal after Zipf's law, in each niche and across the niches."""
    niche = np.array([item.niche for item in items])
    of_niche = [np.flatnonzero(niche == i) for i in range(n_niches)]
    across = rng.permutation(1.0 / np.arange(2, n_niches + 2) ** 0.6)
    appeal = np.empty(len(items))
    for number, rows in enumerate(of_niche):
        ranks = rng.permutation(len(rows)) + 1.0
        appeal[rows] = across[number] / (ranks + 1.0) ** 1.1
    # Some things nobody wants, in every shop.
    appeal[rng.random(len(items)) < 0.03] *= 0.02
    return Shelves(
        niche=niche,
        maker=np.array([item.maker for item in items]),
        use=np.array([item.use for item in items]),
        product=np.array([item.product for item in items]),
        level=np.array([item.level for item in items]),
        appeal=appeal,
        added=_added(len(items), rng),
        of_niche=of_niche,
    )


def _added(n_items: int, rng: np.random.Generator) -> NDArray[np.int64]:
    added = np.full(n_items, OPENED - DAY_S)
    added -= rng.integers(0, 200, n_items) * DAY_S
    order = rng.permutation(n_items)
    n_new, n_later = round(_NEW_SHARE * n_items), round(_LATER_SHARE * n_items)
    new, later = order[:n_new], order[n_new : n_new + n_later]
    start = CLOSED - _NEW_DAYS * DAY_S
    added[new] = rng.integers(start, CLOSED - 14 * DAY_S, n_new)
    added[later] = rng.integers(OPENED, start - 60 * DAY_S, n_later)
    return added // DAY_S * DAY_S


@dataclass(frozen=True)
class Customer:
    """One customer's tastes; the weights of the niches drift from `first` to `last`."""

    niches: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    makers: NDArray[np.float64]
    uses: NDArray[np.float64]
    level: float


@dataclass(frozen=True)
class Visitor:
    """A customer, when the customer buys (unix seconds, ascending), and what is known of them."""

    customer: Customer
    times: NDArray[np.int64]
    columns: tuple[str, ...] = ()


def visitors(n_users: int, shelves: Shelves, rng: np.random.Generator) -> Iterator[Visitor]:
    """Yield the customers of a shop in which nothing changes but their own taste."""
    shares = niche_shares(shelves)
    for _ in range(n_users):
        customer = make_customer(shares, rng)
        yield Visitor(customer, visit_times(rng))


def niche_shares(shelves: Shelves) -> NDArray[np.float64]:
    """Return each niche's share of the appeal of all items, float64 [n_niches]."""
    appeal = np.array([shelves.appeal[rows].sum() for rows in shelves.of_niche])
    return np.asarray(appeal / appeal.sum(), np.float64)


def make_customer(
    niche_weights: NDArray[np.float64], rng: np.random.Generator, size: int | None = None
) -> Customer:
    """Return a customer of so many niches, or one to four, with a favourite maker and use each."""
    if size is None:
        size = int(rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))) + 1
    niches = rng.choice(len(niche_weights), size, replace=False, p=niche_weights)
    first = rng.dirichlet(np.full(size, 1.5))
    makers, uses = np.zeros((size, 8)), np.zeros((size, 8))
    for row in range(size):
        favourites, pastimes = rng.permutation(4)[:2], rng.permutation(5)[:2]
        makers[row, favourites] = (1.5, 0.8)
        uses[row, pastimes] = (2.0, 1.0)
    return Customer(
        niches=niches,
        first=first,
        last=0.6 * first + 0.4 * rng.dirichlet(np.full(size, 1.5)),
        makers=makers,
        uses=uses,
        level=float(rng.beta(1.2, 1.6)) * 2.0,
    )


def visit_times(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return when one customer buys, ascending, unix seconds."""
    n_events = max(int(rng.lognormal(np.log(_MEAN_EVENTS) - 0.32, 0.8)), 1)
    # The shop grows: more customers arrive, and more visits happen, towards the end.
    arrival = rng.random() ** 0.8 * 0.9
    return visits(n_events, arrival, 1.0, rng)


def visits(
    n_events: int,
    arrival: float,
    leaving: float,
    rng: np.random.Generator,
    *,
    opened: int = OPENED,
    growth: float = 0.9,
) -> NDArray[np.int64]:
    """Return the times of so many purchases; those of one visit lie close together.

    Ascending, in unix seconds; `arrival` and `leaving` are shares of the time from `opened` to
    `CLOSED`. A `growth` below 1 puts more visits towards the end.
    """
    span = CLOSED - opened
    times: list[int] = []
    while len(times) < n_events:
        share = arrival + (leaving - arrival) * rng.random() ** growth
        visit = opened + int(share * span) // DAY_S * DAY_S + int(rng.normal(17, 3) % 24 * 3600)
        for _ in range(min(int(rng.geometric(0.6)), n_events - len(times))):
            visit += int(rng.integers(20, 900))
            times.append(min(visit, CLOSED - 1))
    return np.sort(np.array(times, np.int64))


def purchases(
    visitor: Visitor, shelves: Shelves, rng: np.random.Generator, demand: Demand | None = None
) -> list[tuple[int, int]]:
    """Return (item row, time) of each purchase; nobody buys the same item twice."""
    customer = visitor.customer
    liking = [
        shelves.appeal[rows]
        * np.exp(
            customer.makers[i, shelves.maker[rows]]
            + customer.uses[i, shelves.use[rows]]
            - 1.1 * np.abs(shelves.level[rows] - customer.level)
        )
        for i, rows in enumerate(shelves.of_niche[n] for n in customer.niches)
    ]
    everything = np.arange(len(shelves.appeal))
    had = np.zeros(len(everything), bool)
    # One bread knife is enough for a while: what is owned already is wanted less.
    owned = np.ones((len(customer.niches), int(shelves.product.max()) + 1))
    bought: list[tuple[int, int]] = []
    last = -1
    for time in visitor.times.tolist():
        drift = (time - shelves.opened) / (CLOSED - shelves.opened)
        wanted = (1.0 - drift) * customer.first + drift * customer.last
        season = None if demand is None else demand.niche_factors(time)
        if season is not None:
            wanted *= season[customer.niches]
        weights = np.cumsum(wanted)
        at = int(np.searchsorted(weights, rng.random() * weights[-1]))
        here = shelves.niche[last] if last >= 0 else -1
        same = np.flatnonzero(customer.niches == here)
        if rng.random() < _NOISE:
            rows, chance = everything, shelves.appeal.copy()
            if season is not None:
                chance *= season[shelves.niche]
        else:
            if len(same) and rng.random() < 0.35:
                # Often the next purchase goes on with what the last one was for.
                at = int(same[0])
            rows = shelves.of_niche[int(customer.niches[at])]
            chance = liking[at] * owned[at, shelves.product[rows]]
            if len(same) and same[0] == at:
                chance[shelves.use[rows] == shelves.use[last]] *= 2.0
        if demand is not None:
            chance *= demand.item_factors(rows, time)
        age_days = (time - shelves.added[rows]) / DAY_S
        chance[age_days < 45] *= 2.5
        chance[(age_days <= 0) | had[rows]] = 0.0
        sums = np.cumsum(chance)
        if sums[-1] <= 0.0:
            continue
        last = int(rows[np.searchsorted(sums, rng.random() * sums[-1], side="right")])
        had[last] = True
        for place in np.flatnonzero(customer.niches == shelves.niche[last]).tolist():
            owned[place, shelves.product[last]] *= 0.45
        bought.append((last, time))
    return bought
