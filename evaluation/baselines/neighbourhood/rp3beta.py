"""Where a walk of three steps from the user's items ends, hubs held back."""

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


class RP3Beta:
    """A random walk user -> item -> user -> item, divided by popularity to a power.

    weight(i, j) = sum over users u of both of (1 / users of i) ** alpha * (1 / items of u) ** alpha
    / (users of j) ** beta; each item keeps its largest ``neighbours``; score(j) = sum over the
    history of decay ** age * weight(i, j) (Paudel et al., Updatable, Accurate, Diverse, and
    Scalable Recommendations for Interactive Applications, 2017, eq. 4; alpha after Cooper et al.,
    Random Walks in Recommender Systems, 2014).
    """

    name = "RP3beta"

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        beta: float = 0.3,
        neighbours: int = 200,
        decay: float = 0.8,
        max_history: int = 50,
    ) -> None:
        self._alpha = alpha
        self._beta = beta
        self._neighbours = neighbours
        self._decay = decay
        self._max_history = max_history
        self._weights: sp.csr_array | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Work out the walk's item-to-item step and return itself."""
        taken = user_item_matrix(interactions, len(catalog))
        per_item = np.maximum(taken.sum(axis=0), 1).astype(np.float32)
        per_user = np.maximum(taken.sum(axis=1), 1).astype(np.float32)
        to_users = (sp.diags_array(per_item**-self._alpha) @ taken.T).tocsr()
        to_items = (
            sp.diags_array(per_user**-self._alpha) @ taken @ sp.diags_array(per_item**-self._beta)
        ).tocsr()
        self._weights = nearest_rows(
            lambda rows: np.asarray((to_users[rows] @ to_items).toarray(), np.float32),
            len(catalog),
            self._neighbours,
        )
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return where the walks end, float32 [m, n_items]; -inf for items out of reach."""
        if self._weights is None:
            raise EvaluationError("RP3beta was never fitted; call fit(interactions, catalog)")
        recent = history_weights(
            histories,
            self._weights.shape[0],
            decay=self._decay,
            max_history=self._max_history,
        )
        return neighbour_scores(recent, self._weights)
