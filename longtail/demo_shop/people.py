"""The customers of the drifting demo shop: who they are, when they come, and how long they stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.demo_shop.drift import OPENED
from longtail.demo_shop.log import Shelves, Visitor, make_customer, niche_shares, visits

COLUMNS = ("age", "gender", "region", "member")

_GENDERS = ("female", "male", "other")
_REGIONS = ("coast", "hills", "lakes", "north", "plains", "town")
_MEMBERSHIPS = ("guest", "card", "club")
_UNKNOWN_SHARE = 0.08  # of the cells
_LOYAL_SHARE = 0.1  # of the customers, with 50 to 300 purchases
_BRIEF_SHARE = 0.5  # of the others: they come for some weeks
_MEAN_EVENTS = 14.0


@dataclass(frozen=True)
class Leanings:
    """What the columns say of taste: log of the factor of each niche.

    Attributes:
        age: the age at which a niche is liked most, [n_niches].
        gender, region: [n_genders, n_niches], [n_regions, n_niches].
    """

    age: NDArray[np.float64]
    gender: NDArray[np.float64]
    region: NDArray[np.float64]

    def factors(self, age: int, gender: int, region: int) -> NDArray[np.float64]:
        """Return the factor of each niche for a customer, float64 [n_niches]."""
        by_age = 2.0 * np.exp(-(((age - self.age) / 14.0) ** 2))
        likings: NDArray[np.float64] = by_age + self.gender[gender] + self.region[region]
        return np.exp(likings)


def make_leanings(n_niches: int, rng: np.random.Generator) -> Leanings:
    """Return which niches are liked at which age, by which gender and where."""
    return Leanings(
        age=rng.uniform(18.0, 75.0, n_niches),
        gender=rng.normal(0.0, 0.6, (len(_GENDERS), n_niches)),
        region=rng.normal(0.0, 0.7, (len(_REGIONS), n_niches)),
    )


def drifting_visitors(
    n_users: int, shelves: Shelves, rng: np.random.Generator
) -> Iterator[Visitor]:
    """Yield customers with columns, of whom a tenth come for the whole year and buy much.

    The loyal ones have 50 to 300 purchases and more niches. Of the others half come for some
    weeks only, and new ones arrive until the last days, so that a cut in time leaves users of
    whom nothing is known before it.
    """
    shares = niche_shares(shelves)
    leanings = make_leanings(len(shares), rng)
    for _ in range(n_users):
        age = int(np.clip(rng.normal(44.0, 17.0), 16, 90))
        gender = int(rng.choice(len(_GENDERS), p=(0.49, 0.48, 0.03)))
        region = int(rng.integers(len(_REGIONS)))
        loyal = rng.random() < _LOYAL_SHARE
        liked = shares * leanings.factors(age, gender, region)
        n_niches = int(rng.integers(5, 10)) if loyal else None
        customer = make_customer(liked / liked.sum(), rng, n_niches)
        # Who likes the fine things has the club's card more often.
        member = int(np.clip(round(customer.level + rng.normal(0.0, 0.5)), 0, 2))
        cells = (str(age), _GENDERS[gender], _REGIONS[region], _MEMBERSHIPS[member])
        known = rng.random(len(cells)) >= _UNKNOWN_SHARE
        columns = tuple(cell if k else "" for cell, k in zip(cells, known.tolist(), strict=True))
        yield Visitor(customer, _times(loyal, rng), columns)


def _times(loyal: bool, rng: np.random.Generator) -> NDArray[np.int64]:
    leaving = 1.0
    if loyal:
        n_events = round(float(np.exp(rng.uniform(np.log(50.0), np.log(300.0)))))
        arrival = float(rng.random() * 0.5)
    else:
        n_events = max(int(rng.lognormal(np.log(_MEAN_EVENTS) - 0.32, 0.8)), 1)
        # A third were there when the year began.
        arrival = max(float(rng.random() * 1.47 - 0.49), 0.0)
        if rng.random() < _BRIEF_SHARE:
            leaving = min(arrival + float(rng.uniform(0.03, 0.25)), 1.0)
    return visits(n_events, arrival, leaving, rng, opened=OPENED, growth=1.0)
