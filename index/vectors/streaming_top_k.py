"""The k best of each query while scores come in, a block of items after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from longtail.index.vectors.scoring import Found, from_sort_keys, sort_keys

# Columns whose maximum is taken together: some this many groups for each answer wanted.
GROUPS_AN_ANSWER = 4
# Candidates kept before the k best of each query are taken out of them.
MOST_CANDIDATES = 2**19

LOWEST = np.finfo(np.float32).min
PADDING = sort_keys(np.array([-1]), np.array([-np.inf], np.float32))[0]

# Exact scores and catalog rows of pairs of a query and a column.
Exactly = Callable[
    [NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.float32], NDArray[np.int64]]
]


class RunningBest:
    """Exact answers from scores that are off by rounding, without a second search.

    With ``bound`` the most that a score given to `offer` can differ from the exact one: at
    least k items have an exact score of ``t - bound``, where t is the k-th greatest of any
    scores seen, so that an item below ``t - 2 bound`` is no answer. All others are scored
    exactly. For t the maxima of groups of columns do: they are few, and nearly as high as the
    k-th score.
    """

    def __init__(self, k: int, bound: NDArray[np.float64]) -> None:
        """Start with nothing for ``len(bound)`` queries."""
        self._k = k
        self._slack = 2.0 * bound
        self._greatest = np.empty((len(bound), 0), np.float32)
        self._query: list[NDArray[np.int64]] = []
        self._keys: list[NDArray[np.uint64]] = []
        self._kept = 0

    def offer(self, scores: NDArray[np.float32], exactly: Exactly) -> None:
        """Take in scores [m, b]; -inf is no answer. ``exactly`` is asked for the candidates."""
        mask = scores >= self._least(scores)[:, None]
        query, column = np.divmod(np.flatnonzero(mask), scores.shape[1])
        exact, rows = exactly(query, column)
        self._query.append(query)
        self._keys.append(sort_keys(rows, exact))
        self._kept += len(query)
        if self._kept > max(MOST_CANDIDATES, 4 * self._k * len(scores)):
            lines = np.sort(self._lines(), axis=1)[:, : self._k]
            query, place = np.nonzero(lines != PADDING)
            self._query, self._keys = [query], [lines[query, place]]
            self._kept = len(query)

    def best(self) -> Found:
        """Return the k best rows and scores of each query, padded with -1 and -inf."""
        return from_sort_keys(self._lines(), self._k)

    def _least(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score below which nothing of these is an answer, float32 [m]."""
        m, width = scores.shape
        size = max(1, width // (GROUPS_AN_ANSWER * self._k))
        groups = width // size
        grouped = scores[:, : groups * size].reshape(m, size, groups)
        seen = np.concatenate(
            [
                self._greatest,
                grouped.max(axis=1) if size > 1 else grouped[:, 0],
                scores[:, groups * size :],
            ],
            axis=1,
        )
        if seen.shape[1] >= self._k:
            seen = np.partition(seen, seen.shape[1] - self._k, axis=1)[:, -self._k :]
        self._greatest = seen
        if seen.shape[1] < self._k:
            return np.full(m, LOWEST, np.float32)
        least = (seen[:, 0].astype(np.float64) - self._slack).astype(np.float32)
        # Float32 rounds to the nearest; the next one below is safe.
        return np.maximum(np.nextafter(least, np.float32(-np.inf)), LOWEST)

    def _lines(self) -> NDArray[np.uint64]:
        """Return the kept keys, a line a query, padded at the end."""
        m = len(self._slack)
        if not self._query:
            return np.empty((m, 0), np.uint64)
        query, keys = np.concatenate(self._query), np.concatenate(self._keys)
        if m == 1:
            return keys[None, :]
        if len(self._query) > 1:
            order = np.argsort(query, kind="stable")
            query, keys = query[order], keys[order]
        counts = np.bincount(query, minlength=m)
        lines = np.full((m, int(counts.max(initial=0))), PADDING, np.uint64)
        lines[query, np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)] = keys
        return lines
