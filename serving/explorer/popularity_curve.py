"""The catalog from its most popular item to its least: a curve to draw, and what stands where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.run.bundle import Bundle


@dataclass(frozen=True, eq=False)
class PopularityCurve:
    """All offered items by popularity rank.

    Attributes:
        rows: catalog rows, the most popular first, then by bucket and row, int64 [n].
        counts: training users of each, never rising, int64 [n].
        buckets: number of items in head, tail and cold.
    """

    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    buckets: dict[str, int]

    @classmethod
    def of(cls, bundle: Bundle) -> PopularityCurve:
        """Return the curve of the served catalog."""
        popularity = bundle.popularity
        offered = np.flatnonzero(popularity.in_pool("all"))
        counts, bucket = popularity.counts[offered], popularity.bucket[offered]
        rows = offered[np.lexsort((offered, bucket, -counts))]
        return cls(rows, popularity.counts[rows], popularity.sizes())

    def thinned(self, points: int) -> NDArray[np.int64]:
        """Return about as many places (from 0) as asked: half of them evenly spaced, half
        logarithmically, for the steep beginning.

        The ends of head, tail and cold are always among them.

        >>> curve = PopularityCurve(np.arange(1000), np.zeros(1000), {"head": 200, "tail": 800})
        >>> curve.thinned(8).tolist()
        [0, 9, 99, 199, 200, 333, 666, 999]
        """
        n = len(self.rows)
        if not n:
            return np.empty(0, np.int64)
        half = max(points // 2, 2)
        spread = np.concatenate([np.geomspace(1, n, half).round() - 1, np.linspace(0, n - 1, half)])
        edges = np.cumsum([self.buckets.get(name, 0) for name in POOL_NAMES])
        ends = np.concatenate([edges - 1, edges])
        kept = ends[(ends >= 0) & (ends < n)]
        return np.unique(np.concatenate([spread.astype(np.int64), kept]))

    def around(self, rank: int, limit: int) -> tuple[int, NDArray[np.int64]]:
        """Return the rows whose ranks are nearest to this one (from 1), and the rank of the first.

        A rank beyond the catalog is taken for the last one.
        """
        n = len(self.rows)
        place = min(max(rank, 1), n) - 1
        first = max(min(place - limit // 2, n - limit), 0)
        return first + 1, self.rows[first : first + limit]
