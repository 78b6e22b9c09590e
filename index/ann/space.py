"""The space that a structure sees: vectors with their popularity beside them, in proportion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# How far popularities spread, in lengths of a vector: enough to be told apart by a coarse code,
# and only 6 % of what a code has to describe.
POPULARITY_SPREAD = 0.25
# Product quantisers of 4 dimensions, in pairs: the width is a multiple of this.
WIDTH_STEP = 8


@dataclass(frozen=True)
class Space:
    """Maps ``[v ; p]`` to ``[v ; scale (p - mean)]``, and ``[q ; w]`` to ``[q ; w / scale]``.

    Inner products change by ``w mean`` alone, which is the same for every item of a query. As
    stored, log-popularities of -8 beside vectors of length 1 would decide every cluster.

    Attributes:
        mean: mean popularity of the segment.
        scale: what a popularity is multiplied by.
        width: dimensions of the space; those above d + 1 are zeros.
    """

    mean: float
    scale: float
    width: int

    @classmethod
    def of(cls, stored: NDArray[np.float32]) -> Space:
        """Return the space for a sample of ``[v ; p]``, float32 [n, d + 1].

        >>> Space.of(np.array([[1, 0, -4], [0, 1, -8]], np.float32)).mean
        -6.0
        """
        spread = float(stored[:, -1].std())
        length = float(np.sqrt((stored[:, :-1].astype(np.float64) ** 2).sum(axis=1).mean()))
        scale = POPULARITY_SPREAD * length / spread if spread > 0 and length > 0 else 1.0
        return cls(float(stored[:, -1].mean()), scale, width_for(stored.shape[1] - 1))

    def items(self, stored: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return items ``[v ; p]`` in this space, float32 [n, width]."""
        wide = self._wide(stored)
        wide[:, stored.shape[1] - 1] = (stored[:, -1] - self.mean) * self.scale
        return wide

    def queries(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return queries ``[q ; w]`` in this space, float32 [m, width]."""
        wide = self._wide(queries)
        wide[:, queries.shape[1] - 1] = queries[:, -1] / self.scale
        return wide

    def popularity_weight_ratios(self, queries: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how much popularity weighs beside the vector in each query, float64 [m].

        It is ``|w| / (scale |q|)``; infinite for a query of weight alone.
        """
        wide = queries.astype(np.float64)
        lengths = np.sqrt((wide[:, :-1] ** 2).sum(axis=1))
        weights = np.abs(wide[:, -1]) / self.scale
        popularity_weight_ratios = np.full(len(queries), np.inf)
        np.divide(weights, lengths, out=popularity_weight_ratios, where=lengths > 0)
        return np.where(weights > 0, popularity_weight_ratios, 0.0)

    def with_popularity_weight_ratio(
        self, queries: NDArray[np.float32], popularity_weight_ratio: float
    ) -> NDArray[np.float32]:
        """Return ``[q ; w]`` of queries [m, d], weights of this ratio, two of each sign in turn."""
        lengths = np.linalg.norm(queries, axis=1)
        signs = np.where(np.arange(len(queries)) // 2 % 2, 1.0, -1.0)
        weights = (signs * popularity_weight_ratio * self.scale * lengths).astype(np.float32)
        return np.concatenate([queries, weights[:, None]], axis=1)

    def _wide(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        wide = np.zeros((len(rows), self.width), np.float32)
        wide[:, : rows.shape[1] - 1] = rows[:, :-1]
        return wide


def width_for(dim: int) -> int:
    """Return the width of the space for vectors of ``dim`` dimensions.

    >>> width_for(384)
    392
    """
    return -(-(dim + 1) // WIDTH_STEP) * WIDTH_STEP
