"""What was taken together with the things the user took last."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.evaluation.baselines.matrices import (
    history_weights,
    nearest_rows,
    neighbour_scores,
    user_item_matrix,
)
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


class ItemKNN:
    """Item-based neighbours by cosine with shrinkage.

    similarity(i, j) = users of both / (sqrt(users of i * users of j) + shrinkage); each item keeps
    its nearest ``neighbours``; score(j) = sum over the history of decay ** age * similarity(i, j)
    (Deshpande and Karypis, Item-Based Top-N Recommendation Algorithms, 2004; the shrinkage after
    Bell and Koren, Improved Neighborhood-based Collaborative Filtering, 2007).
    """

    name = "ItemKNN"

    def __init__(
        self,
        *,
        neighbours: int = 200,
        shrinkage: float = 5.0,
        decay: float = 0.8,
        max_history: int = 50,
    ) -> None:
        self._neighbours = neighbours
        self._shrinkage = shrinkage
        self._decay = decay
        self._max_history = max_history
        self._weights: sp.csr_array | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Count who took what together and return itself."""
        taken = user_item_matrix(interactions, len(catalog))
        by_item = taken.T.tocsr()
        root = np.sqrt(taken.sum(axis=0)).astype(np.float32)

        def similarity(rows: slice) -> NDArray[np.float32]:
            together = (by_item[rows] @ taken).toarray()
            scale = root[rows, None] * root + np.float32(self._shrinkage)
            return np.asarray(together / np.maximum(scale, 1e-9), np.float32)

        self._weights = nearest_rows(similarity, len(catalog), self._neighbours)
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return summed similarities, float32 [m, n_items]; -inf for items that neighbour none."""
        if self._weights is None:
            raise EvaluationError("ItemKNN was never fitted; call fit(interactions, catalog)")
        recent = history_weights(
            histories,
            self._weights.shape[0],
            decay=self._decay,
            max_history=self._max_history,
        )
        return neighbour_scores(recent, self._weights)
