"""How often items are taken, and which of them are head, tail and cold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.errors import DataError

HEAD, TAIL, COLD = 0, 1, 2
# Of the three that no item is in two of, by code.
POOL_NAMES = ("head", "tail", "cold")
# Of log-probabilities, see `log_probability`.
SMOOTHING, FLOOR_COUNT = 1.0, 1.0

Pool = Literal["tail", "cold", "head", "all"]
POOLS: dict[Pool, tuple[int, ...]] = {
    "tail": (TAIL, COLD),
    "cold": (COLD,),
    "head": (HEAD,),
    "all": (HEAD, TAIL, COLD),
}


@dataclass(frozen=True)
class LogScale:
    """What log-probabilities are measured by.

    An item that comes or goes changes the sum of all counts, and with it every log-probability
    by the same amount. That changes no ranking, so the scale stays until counts are drawn anew.

    Attributes:
        total: sum of the smoothed counts; an item's probability is its share of it.
        centre: mean of the log-probabilities.
    """

    total: float
    centre: float

    @classmethod
    def of_counts(cls, counts: NDArray[np.int64]) -> LogScale:
        """Return the scale of a catalog with these counts.

        >>> LogScale.of_counts(np.array([0, 1, 3])).total
        8.0
        """
        total = float(_smoothed(counts).sum())
        return cls(total, log_probability(counts, total=total).mean().item())


@dataclass(frozen=True)
class Popularity:
    """Training popularity of every catalog row, and what follows from it.

    Attributes:
        counts: distinct users who took the item in the training part, int64 [n].
        bucket: HEAD, TAIL or COLD, int8 [n].
        log_p: natural log of the smoothed, floored probability of the item, float32 [n].
        percentile: share of the catalog that is strictly less popular plus half the ties,
            in percent, float32 [n]; 0 is the least popular.
        rule: the bucket rule, e.g. ``items:0.2``.
        scale: what `log_p` is measured by; it stays as it is while items come and go.
        removed: rows that are in no pool, bool [n]; None where nothing was removed.
    """

    counts: NDArray[np.int64]
    bucket: NDArray[np.int8]
    log_p: NDArray[np.float32]
    percentile: NDArray[np.float32]
    rule: str
    scale: LogScale
    removed: NDArray[np.bool_] | None = None

    @classmethod
    def from_counts(
        cls, counts: NDArray[np.int64], item_ids: NDArray[np.object_], rule: str = "items:0.2"
    ) -> Popularity:
        """Derive pools, log-probabilities and percentiles from training counts.

        Raises:
            DataError: the rule isn't one of ``items:SHARE``, ``mass:SHARE``, ``count:NUMBER``.
        """
        pools, removed = assign_pools(counts, item_ids, rule), np.zeros(len(counts), bool)
        return cls.of_served(counts, pools, removed, rule, LogScale.of_counts(counts))

    @classmethod
    def of_served(
        cls,
        counts: NDArray[np.int64],
        bucket: NDArray[np.int8],
        removed: NDArray[np.bool_],
        rule: str,
        scale: LogScale,
    ) -> Popularity:
        """Return the popularity of a catalog that has changed since its pools were drawn.

        Pools and scale are as they were drawn then; removed rows count for no percentile.
        """
        return cls(
            counts=counts,
            bucket=bucket,
            log_p=log_probability(counts, total=scale.total),
            percentile=percentiles(counts, counts[~removed]),
            rule=rule,
            scale=scale,
            removed=removed if removed.any() else None,
        )

    def recounted(self, counts: NDArray[np.int64], item_ids: NDArray[np.object_]) -> Popularity:
        """Return what new counts make of the same rows: pools and scale are drawn anew.

        Removed rows keep the pool that they had, though no query may return them.
        """
        there = np.full(len(counts), True) if self.removed is None else ~self.removed
        fresh = Popularity.from_counts(counts[there], item_ids[there], self.rule)
        bucket = self.bucket.copy()
        bucket[there] = fresh.bucket
        return Popularity.of_served(counts, bucket, ~there, self.rule, fresh.scale)

    @cached_property
    def centred(self) -> NDArray[np.float32]:
        """`log_p` less its mean over the catalog that the scale was drawn from, float32 [n]."""
        return self.log_p - np.float32(self.scale.centre)

    def in_pool(self, pool: Pool) -> NDArray[np.bool_]:
        """Return which catalog rows a query of this pool may return, bool [n]."""
        inside = np.isin(self.bucket, POOLS[pool])
        return inside if self.removed is None else inside & ~self.removed

    def sizes(self) -> dict[str, int]:
        """Return the number of items in head, tail and cold, removed ones left out."""
        there = self.in_pool("all")
        return {
            name: int((self.bucket[there] == code).sum()) for code, name in enumerate(POOL_NAMES)
        }


def assign_pools(
    counts: NDArray[np.int64], item_ids: NDArray[np.object_], rule: str
) -> NDArray[np.int8]:
    """Return HEAD, TAIL or COLD for every item.

    ``items:0.2`` makes the most popular 20 % of the catalog the head, ``mass:0.8`` the fewest
    items that hold 80 % of the interactions, ``count:5`` every item with at least 5. Ties are
    broken by item_id; an item with no training interaction is cold whatever the rule says.

    >>> ids = np.array(["a", "b", "c", "d", "e"], dtype=object)
    >>> assign_pools(np.array([9, 4, 4, 1, 0]), ids, "items:0.4").tolist()
    [0, 0, 1, 1, 2]
    >>> assign_pools(np.array([9, 4, 4, 1, 0]), ids, "count:4").tolist()
    [0, 0, 0, 1, 2]
    >>> assign_pools(np.array([9, 4, 4, 1, 0]), ids, "mass:0.5").tolist()
    [0, 1, 1, 1, 2]
    >>> ids, counts = np.arange(100).astype(str), np.arange(100, 0, -1)
    >>> int((assign_pools(counts, ids, "items:0.29") == HEAD).sum())
    29
    """
    kind, _, value = rule.partition(":")
    try:
        # As it is written: 0.29 of 100 items are 29, and the nearest float is a little less.
        number = Fraction(repr(float(value)))
    except ValueError:
        number = Fraction(-1)
    share_rule = kind in ("items", "mass")
    if kind not in ("items", "mass", "count") or number < 0 or (share_rule and number > 1):
        raise DataError(
            f"bucket rule {rule!r} is not one of items:SHARE, mass:SHARE, count:NUMBER "
            "(a share lies between 0 and 1)"
        )
    order = np.lexsort((item_ids.astype(str), -counts))
    if kind == "items":
        head_size = int(number * len(counts))
    elif kind == "count":
        head_size = int((counts >= math.ceil(number)).sum())
    else:
        mass = np.cumsum(counts[order])
        reached = mass >= math.ceil(number * int(counts.sum()))
        head_size = int(np.argmax(reached)) + 1 if number > 0 and reached.any() else 0
    pool = np.full(len(counts), TAIL, np.int8)
    pool[order[:head_size]] = HEAD
    pool[counts == 0] = COLD
    return pool


def log_probability(counts: NDArray[np.int64], *, total: float) -> NDArray[np.float32]:
    """Return the log of each item's smoothed share of the training interactions.

    `SMOOTHING` is added to every count, so a cold item stays finite; counts below
    `FLOOR_COUNT` are lifted to it first, so that cold items and items seen once are
    corrected alike: one interaction more or less is noise, not evidence. ``total`` is what the
    shares are of.

    >>> log_probability(np.array([0, 1, 3]), total=8.0).astype(float).round(3).tolist()
    [-1.386, -1.386, -0.693]
    """
    return np.asarray(np.log(_smoothed(counts) / total), dtype=np.float32)


def percentiles(counts: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return each item's popularity percentile; ties share the middle of their range.

    ``among`` are the counts of the items that it is compared with.

    >>> counts = np.array([5, 1, 1, 0])
    >>> percentiles(counts, counts).tolist()
    [87.5, 50.0, 50.0, 12.5]
    """
    ordered = np.sort(among)
    below = np.searchsorted(ordered, counts, side="left")
    through = np.searchsorted(ordered, counts, side="right")
    return np.asarray(50.0 * (below + through) / max(len(ordered), 1), dtype=np.float32)


def _smoothed(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.maximum(counts.astype(np.float64), FLOOR_COUNT) + SMOOTHING
