"""What changes over a year in the demo shop: seasons, hits that fade, items and kinds that rise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.demo_shop.log import CLOSED, DAY_S, Shelves

OPENED = int(np.datetime64("2025-01-01T00:00:00", "s").astype(np.int64))
DAYS = (CLOSED - OPENED) // DAY_S

_SEASONAL_SHARE = 0.75  # of the niches
_NEW_SHARE = 0.45  # of the items, added at any time of the year
_HIT_SHARE = 0.15  # of the items, all of them new
_RISING_SHARE = 0.15  # of the items
_FADING_SHARE = 0.5  # of the third that is wanted most for good
_FADED = 0.04  # what is left of it
_LAST_NEW_DAYS = 7  # before the end: an item that nobody can have bought teaches nothing


@dataclass(frozen=True)
class Drift:
    """How much more, or less, things are wanted on a day than they are for good.

    Days count from `OPENED`, with fractions.

    Attributes:
        season_height: of each niche, log of its factor at the peak, 0 without a season, [n_niches].
        season_peak: day of the peak, [n_niches].
        hit_height: of each item, its factor on the day it came in, 0 for what is no hit, [n].
        half_life: days in which half of a hit is forgotten, [n].
        fade_day: day from which an item that was wanted all along is forgotten likewise, [n].
        niche, product: positions of each item in the lists, int64 [n].
        came_in: day on which the item came in, [n].
        rise_height: of each item, what its factor grows by, 0 for what doesn't rise, [n].
        rise_day, rise_width: day in the middle of the rise, and days that it takes, [n].
        fashion_height: of each kind of product in a niche, [n_niches, n_products].
        fashion_day, fashion_width: middle and spread of the fashion, in days, the same shape.
    """

    season_height: NDArray[np.float64]
    season_peak: NDArray[np.float64]
    hit_height: NDArray[np.float64]
    half_life: NDArray[np.float64]
    fade_day: NDArray[np.float64]
    niche: NDArray[np.int64]
    product: NDArray[np.int64]
    came_in: NDArray[np.float64]
    rise_height: NDArray[np.float64]
    rise_day: NDArray[np.float64]
    rise_width: NDArray[np.float64]
    fashion_height: NDArray[np.float64]
    fashion_day: NDArray[np.float64]
    fashion_width: NDArray[np.float64]

    def niche_factors(self, time: int) -> NDArray[np.float64]:
        """Return the factor of each niche at a time in unix seconds, float64 [n_niches]."""
        phase = 2.0 * np.pi * (_day(time) - self.season_peak) / 365.25
        return np.exp(self.season_height * np.cos(phase))

    def item_factors(self, rows: NDArray[np.int64], time: int) -> NDArray[np.float64]:
        """Return the factor of each of the items within its niche, float64 [len(rows)]."""
        day = _day(time)
        age = np.maximum(day - self.came_in[rows], 0.0)
        hit = self.hit_height[rows] * np.exp2(-age / self.half_life[rows])
        rise = self.rise_height[rows] * _grown((day - self.rise_day[rows]) / self.rise_width[rows])
        fading = np.exp2(-np.maximum(day - self.fade_day[rows], 0.0) / self.half_life[rows])
        kind = self.niche[rows], self.product[rows]
        away = (day - self.fashion_day[kind]) / self.fashion_width[kind]
        fashion = self.fashion_height[kind] * np.exp(-0.5 * away**2)
        return (hit + rise + np.maximum(fading, _FADED)) * (1.0 + fashion)


def make_drift(shelves: Shelves, rng: np.random.Generator) -> tuple[Drift, Shelves]:
    """Return what changes, and the shelves with the days on which items come in over the year.

    Hits are new and start at up to 60 times their lasting appeal; half of what was wanted most is
    forgotten at some time of the year. What rises was wanted little before, beside things of its
    category that don't rise. Kinds of product come into fashion as a whole, so that also what has
    no purchases yet is about to be wanted.
    """
    n, n_niches = len(shelves.appeal), len(shelves.of_niche)
    kinds = (n_niches, int(shelves.product.max()) + 1)
    shelves = replace(shelves, added=_added(n, rng), opened=OPENED)
    new = np.flatnonzero(shelves.added >= OPENED)
    hits = rng.choice(new, round(_HIT_SHARE * n), replace=False)
    hit_height = np.zeros(n)
    hit_height[hits] = rng.uniform(10.0, 60.0, len(hits))
    by_appeal = np.argsort(shelves.appeal, kind="stable")
    most_wanted = np.setdiff1d(by_appeal[n * 2 // 3 :], hits)
    fading = rng.choice(most_wanted, round(_FADING_SHARE * len(most_wanted)), replace=False)
    fade_day = np.full(n, np.inf)
    fade_day[fading] = rng.uniform(0.0, 0.9, len(fading)) * DAYS
    unwanted = np.setdiff1d(by_appeal[: n * 2 // 3], hits)
    rising = rng.choice(unwanted, round(_RISING_SHARE * n), replace=False)
    rise_height = np.zeros(n)
    rise_height[rising] = rng.uniform(20.0, 80.0, len(rising))
    fashionable = rng.random(kinds) < 0.35
    drift = Drift(
        season_height=np.where(
            rng.random(n_niches) < _SEASONAL_SHARE, rng.uniform(1.0, 2.0, n_niches), 0.0
        ),
        season_peak=rng.uniform(0.0, 365.0, n_niches),
        hit_height=hit_height,
        half_life=rng.uniform(10.0, 35.0, n),
        fade_day=fade_day,
        niche=shelves.niche,
        product=shelves.product,
        came_in=(shelves.added - OPENED) / DAY_S,
        rise_height=rise_height,
        rise_day=rng.uniform(0.15, 1.0, n) * DAYS,
        rise_width=rng.uniform(4.0, 12.0, n),
        fashion_height=np.where(fashionable, rng.uniform(3.0, 9.0, kinds), 0.0),
        fashion_day=rng.uniform(0.0, 1.1, kinds) * DAYS,
        fashion_width=rng.uniform(15.0, 35.0, kinds),
    )
    return drift, shelves


def _added(n_items: int, rng: np.random.Generator) -> NDArray[np.int64]:
    added = OPENED - DAY_S - rng.integers(0, 200, n_items) * DAY_S
    new = rng.permutation(n_items)[: round(_NEW_SHARE * n_items)]
    added[new] = OPENED + rng.integers(0, DAYS - _LAST_NEW_DAYS, len(new)) * DAY_S
    return added


def _day(time: int) -> float:
    return (time - OPENED) / DAY_S


def _grown(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of a rise that is done, so many widths after its middle."""
    # tanh, where exp would overflow for what rises in half a year.
    return 0.5 * (1.0 + np.tanh(0.5 * widths))
