"""The rows that each query must not return, such as the items a user has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import VectorIndexError

# Up to so many a query, comparing with each takes less time than searching in all.
COMPARED_ONE_BY_ONE = 64


@dataclass(frozen=True)
class Exclusions:
    """Pairs of (query, position) that are no answers; sorted, each pair once.

    Attributes:
        keys: ``query * width + position``, int64, ascending.
        width: number of positions there are.
        counts: banned positions of each query, int64 [m].
    """

    keys: NDArray[np.int64]
    width: int
    counts: NDArray[np.int64]

    @classmethod
    def of_catalog(
        cls, offsets: NDArray[np.int64], rows: NDArray[np.int32], n_queries: int, n_items: int
    ) -> Exclusions:
        """Return the pairs of a compressed list: query i bans ``rows[offsets[i]:offsets[i+1]]``.

        Raises:
            VectorIndexError: the offsets don't fit the queries, or a row isn't in the catalog.
        """
        offsets, rows = np.asarray(offsets), np.asarray(rows)
        lengths = np.diff(offsets)
        if len(offsets) != n_queries + 1 or (lengths < 0).any() or offsets[0] != 0:
            raise VectorIndexError(
                f"excluded offsets must rise from 0 and number {n_queries + 1}, one more than "
                f"the queries; {len(offsets)} were given"
            )
        if offsets[-1] != len(rows):
            raise VectorIndexError(
                f"excluded offsets end at {offsets[-1]}, but {len(rows)} rows were given"
            )
        if len(rows) and (rows.min() < 0 or rows.max() >= n_items):
            raise VectorIndexError(f"excluded rows must lie between 0 and {n_items - 1}")
        if not len(rows):
            return cls.nothing(n_queries, n_items)
        query = np.repeat(np.arange(n_queries, dtype=np.int64), lengths)
        return cls._of_pairs(query, rows.astype(np.int64), n_queries, n_items)

    @classmethod
    def nothing(cls, n_queries: int, width: int) -> Exclusions:
        """Return no pairs at all."""
        return cls(np.empty(0, np.int64), width, np.zeros(n_queries, np.int64))

    @classmethod
    def _of_pairs(
        cls, query: NDArray[np.int64], position: NDArray[np.int64], n_queries: int, width: int
    ) -> Exclusions:
        keys = query * width + position
        if not (keys[1:] > keys[:-1]).all():
            keys.sort()  # and not np.unique, which hashes first
            keys = keys[np.append(True, keys[1:] > keys[:-1])]
        counts = np.bincount(keys // max(width, 1), minlength=n_queries).astype(np.int64)
        return cls(keys, width, counts)

    def among(self, rows: NDArray[np.int64]) -> Exclusions:
        """Return the pairs whose position is in ``rows`` (ascending), as positions in it."""
        if len(rows) == self.width:
            return self
        if not len(self.keys):
            return replace(self, width=len(rows))
        query, position = np.divmod(self.keys, max(self.width, 1))
        local = np.searchsorted(rows, position)
        inside = local < len(rows)
        inside[inside] = rows[local[inside]] == position[inside]
        query, width = query[inside], len(rows)
        # The order of both, query and position, is kept, so the keys still ascend.
        return Exclusions(query * width + local[inside], width, self._counted(query))

    def within(self, allowed: NDArray[np.int64] | None, removed: NDArray[np.int64]) -> Exclusions:
        """Return the pairs whose position could be an answer: allowed, and not removed.

        Both are ascending; ``allowed`` holds no removed ones, and None allows all the others.
        """
        among = removed if allowed is None else allowed
        if not len(self.keys) or (allowed is None and not len(removed)):
            return self
        query, position = np.divmod(self.keys, max(self.width, 1))
        place = np.minimum(np.searchsorted(among, position), len(among) - 1)
        kept = (among[place] == position) == (allowed is not None)
        return Exclusions(self.keys[kept], self.width, self._counted(query[kept]))

    def _counted(self, query: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(query, minlength=len(self.counts)).astype(np.int64)

    def part(self, start: int, end: int) -> Exclusions:
        """Return the pairs of the queries between these two positions, numbered anew."""
        if start == 0 and end >= len(self.counts):
            return self
        low, high = np.searchsorted(self.keys, [start * self.width, end * self.width])
        return Exclusions(
            self.keys[low:high] - start * self.width, self.width, self.counts[start:end]
        )

    def take(self, queries: NDArray[np.int64]) -> Exclusions:
        """Return the pairs of these queries, numbered anew in the given order."""
        if not len(self.keys):
            return Exclusions.nothing(len(queries), self.width)
        starts = np.searchsorted(self.keys, queries * self.width)
        counts = self.counts[queries]
        total = int(counts.sum())
        first = np.repeat(starts - (np.cumsum(counts) - counts), counts)
        taken = self.keys[first + np.arange(total)]
        fresh = np.repeat(np.arange(len(queries), dtype=np.int64), counts)
        keys = taken % max(self.width, 1) + fresh * self.width
        return Exclusions(keys, self.width, counts)

    def of(self, query: int) -> NDArray[np.int64]:
        """Return the banned positions of one query, ascending."""
        start, end = np.searchsorted(self.keys, [query * self.width, (query + 1) * self.width])
        return self.keys[start:end] - query * self.width

    def hits(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the positions [m, c] are banned for their line's query."""
        excluded = np.zeros(positions.shape, bool)
        if not len(self.keys):
            return excluded
        most = int(self.counts.max())
        if most <= COMPARED_ONE_BY_ONE:
            query, position = np.divmod(self.keys, self.width)
            lists = np.full((most, len(positions)), -2, np.int64)  # -1 is padding of positions
            first = np.cumsum(self.counts) - self.counts
            lists[np.arange(len(query)) - first[query], query] = position
            for one in lists:
                excluded |= positions == one[:, None]
            return excluded
        keys = np.arange(len(positions), dtype=np.int64)[:, None] * self.width + positions
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        # A padding of -1 makes the last key of the line before: it is never a hit.
        return np.asarray((self.keys[place] == keys) & (positions >= 0))
