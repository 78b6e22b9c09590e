"""Linear item-to-item weights in closed form."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.evaluation.baselines.matrices import history_weights, user_item_matrix
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.features.closed_form import closed_form_weights

# A dense 30,000 x 30,000 float32 matrix takes 3.6 GB, and its inverse minutes.
MOST_ITEMS = 30_000


class EASE:
    """Each item's best linear prediction from the other items of the same user.

    P = inverse(X'X + ridge I), B = -P / diag(P) by column, zero diagonal; score = sum over the
    history of decay ** age * B[item] (Steck, Embarrassingly Shallow Autoencoders for Sparse Data,
    2019, eq. 8). Items that nobody took in training have no weights and are never returned.
    """

    name = "EASE"

    def __init__(self, *, ridge: float = 50.0, decay: float = 0.8, max_history: int = 50) -> None:
        self._ridge = ridge
        self._decay = decay
        self._max_history = max_history
        self._weights: NDArray[np.float32] | None = None
        self._known: NDArray[np.bool_] | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Invert the item-item matrix and return itself; see `ease_weights` for what is raised."""
        taken = user_item_matrix(interactions, len(catalog))
        self._weights = ease_weights(taken, self._ridge, name=self.name)
        self._known = taken.sum(axis=0) > 0
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return the weighted sums, float32 [m, n_items]; an empty history says nothing (-inf)."""
        if self._weights is None or self._known is None:
            raise EvaluationError(f"{self.name} was never fitted; call fit(interactions, catalog)")
        recent = history_weights(
            histories, len(self._weights), decay=self._decay, max_history=self._max_history
        )
        scores = np.asarray(recent @ self._weights, np.float32)
        scores[:, ~self._known] = -np.inf
        scores[np.diff(histories.offsets) == 0] = -np.inf
        return scores


def ease_weights(
    taken: sp.csr_array,
    ridge: float,
    *,
    vectors: NDArray[np.float32] | None = None,
    kernel: float = 0.0,
    name: str = "EASE",
) -> NDArray[np.float32]:
    """Return the item-to-item weights B, float32 [n_items, n_items], of users' items ``taken``.

    With ``vectors`` [n_items, d] the matrix that is inverted also holds ``kernel`` times their
    dot products: the engine's own closed form.

    Raises:
        EvaluationError: more than 30,000 items, or a matrix that has no inverse.

    >>> taken = sp.csr_array(np.array([[1, 1], [1, 1], [1, 0]], np.float32))
    >>> ease_weights(taken, 1.0).astype(float).round(3).tolist()
    [[0.0, 0.5], [0.667, 0.0]]
    """
    n_items = taken.shape[1]
    if n_items > MOST_ITEMS:
        raise EvaluationError(
            f"{name} inverts a dense matrix of {n_items:,} x {n_items:,} and stops at "
            f"{MOST_ITEMS:,} items; leave it out, ItemKNN is its sparse relative"
        )
    try:
        # Without a kernel the vectors are not read.
        return closed_form_weights(
            taken,
            np.empty((n_items, 0), np.float32) if vectors is None else vectors,
            kernel=kernel,
            ridge=ridge,
        )
    except np.linalg.LinAlgError as error:
        raise EvaluationError(
            f"{name}: the item-item matrix has no inverse in single precision; raise its ridge"
        ) from error
