"""Which items may be answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import POOL_NAMES, POOLS, Pool, Popularity


@dataclass(frozen=True)
class Eligible:
    """A pool, what a filter lets through of it, and less what each user doesn't get back.

    Attributes:
        pool: the items that a query may return.
        excluded: rows that each of the m users doesn't get back, None for nothing.
        allowed: rows that pass the filters, bool [n], None for all.
    """

    pool: Pool = "all"
    excluded: Histories | None = None
    allowed: NDArray[np.bool_] | None = None

    @property
    def segments(self) -> list[str]:
        """The index's segments that hold the pool."""
        return [POOL_NAMES[code] for code in POOLS[self.pool]]

    @property
    def exclusions(self) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
        """What each user doesn't get back, as the index wants it: offsets [m + 1] and rows."""
        if self.excluded is None:
            return None
        return self.excluded.offsets, self.excluded.items

    def mask(self, popularity: Popularity) -> NDArray[np.bool_]:
        """Return the rows that somebody may get, bool [n]."""
        in_pool = popularity.in_pool(self.pool)
        return in_pool if self.allowed is None else in_pool & self.allowed
