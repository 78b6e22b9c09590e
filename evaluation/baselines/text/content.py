"""Everybody gets what reads like the things they took last."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


class ContentKNN:
    """Nearest neighbours of a recency-weighted sum of the history's text vectors.

    user = sum over the last items of decay ** age * vector[item], age 0 the newest; score = its
    dot product with every item. ``vectors`` [n_items, d] are unit rows, best after
    `longtail.retrieval.towers.whitening.fit_partial_whitening`.
    """

    name = "content kNN"

    def __init__(
        self, vectors: NDArray[np.float32], *, decay: float = 0.8, max_history: int = 20
    ) -> None:
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._decay = decay
        self._max_history = max_history

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Return itself: texts say everything, behaviour nothing.

        Raises:
            EvaluationError: the vectors are not those of this catalog.
        """
        if len(self._vectors) != len(catalog):
            raise EvaluationError(
                f"content kNN has {len(self._vectors)} vectors for {len(catalog)} items; "
                "encode this catalog first"
            )
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return similarities, float32 [m, n_items]; an empty history prefers nothing (-inf)."""
        rows, lengths = histories.last(self._max_history)
        users = np.zeros((len(histories), self._vectors.shape[1]), np.float32)
        # One age after the other: a [m, max_history, d] array would not fit for large chunks.
        for age in range(int(lengths.max(initial=0))):
            known = np.flatnonzero(lengths > age)
            weight = np.float32(self._decay**age)
            users[known] += weight * self._vectors[rows[known, age]]
        cosines = users @ self._vectors.T
        cosines[lengths == 0] = -np.inf
        return np.asarray(cosines, dtype=np.float32)
