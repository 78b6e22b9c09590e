"""The catalog's vectors by row, read from the index as seldom as memory allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex

# Vectors of a catalog that are kept twice, in the index and by row.
AT_HAND_BYTES = 64 << 20


@dataclass(frozen=True)
class ItemVectors:
    """Vectors of catalog rows; those of a small catalog are kept at hand."""

    index: VectorIndex

    def all(self) -> NDArray[np.float32]:
        """Return the vectors of the whole catalog, float32 [n, d]."""
        if self._at_hand is not None:
            return self._at_hand
        return self.index.vectors(np.arange(self.index.n_items))

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of these rows, float32 [len(rows), d]."""
        return self.index.vectors(rows) if self._at_hand is None else self._at_hand[rows]

    def pointed(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return vectors [u, d], and where among them those of the rows are, in their shape."""
        if self._at_hand is not None:
            return self._at_hand, rows
        there = np.zeros(self.index.n_items, np.bool_)
        there[rows] = True
        # Each item's vector once: users of one batch are handed many of the same items.
        distinct = np.flatnonzero(there)
        place = np.empty(self.index.n_items, np.int64)
        place[distinct] = np.arange(len(distinct))
        return self.index.vectors(distinct), place[rows]

    @cached_property
    def moments(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean [d] and second moment [d, d] of all vectors: they give any cosine's spread."""
        vectors = self.all()
        return vectors.mean(axis=0), (vectors.T @ vectors) / np.float32(len(vectors))

    @cached_property
    def _at_hand(self) -> NDArray[np.float32] | None:
        if self.index.n_items * self.index.dim * 4 > AT_HAND_BYTES:
            return None
        return self.index.vectors(np.arange(self.index.n_items))
