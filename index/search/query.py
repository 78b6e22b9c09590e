"""What is asked of an index, and what it answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SearchQuery:
    """One search of several for the same vectors.

    Attributes:
        k: answers per query; where fewer items may be returned, the rest is padding.
        popularity_weight: one weight for all queries, or one for each, float32 [m].
        segments: names of the pools to search; None searches all.
    """

    k: int
    popularity_weight: float | NDArray[np.float32] = 0.0
    segments: Collection[str] | None = None


@dataclass(frozen=True)
class SearchResult:
    """Answers of m queries.

    Attributes:
        rows: catalog rows, best first, padded with -1, int64 [m, k].
        scores: their scores, padded with -inf, float32 [m, k].
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Asked:
    """A question that was checked, and its queries.

    Attributes:
        queries: ``[q ; popularity weight]``, float32 [m, d + 1].
        k: answers per query.
        segments: numbers of the segments to search.
        reach: the greatest magnitude that a score can have, float64 [m].
    """

    queries: NDArray[np.float32]
    k: int
    segments: tuple[int, ...]
    reach: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.queries)

    def part(self, start: int, end: int) -> Asked:
        """Return the question for the queries between these two positions."""
        if start == 0 and end >= len(self):
            return self
        return replace(self, queries=self.queries[start:end], reach=self.reach[start:end])
