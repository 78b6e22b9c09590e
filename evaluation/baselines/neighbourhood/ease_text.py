"""EASE that believes, before it sees a log, that what reads alike goes together."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.baselines.matrices import user_item_matrix
from longtail.evaluation.baselines.neighbourhood.ease import EASE, ease_weights
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import Interactions


class EASEWithText(EASE):
    """EASE with a kernel of the items' text vectors W as prior.

    P = inverse(X'X + kernel W W' + ridge I), the rest as in `EASE` (Steck, 2019; the kernel acts
    like side-information pseudo-users, after Jeunen et al., Closed-Form Models for Collaborative
    Filtering with Side-Information, 2020, eq. 6). Items without training interactions take part
    through their texts. ``vectors`` [n_items, d] are unit rows.
    """

    name = "EASE + text"

    def __init__(
        self,
        vectors: NDArray[np.float32],
        *,
        ridge: float = 50.0,
        kernel: float = 30.0,
        decay: float = 0.8,
        max_history: int = 50,
    ) -> None:
        super().__init__(ridge=ridge, decay=decay, max_history=max_history)
        self._vectors = vectors
        self._kernel = kernel

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Invert the item-item matrix with its text kernel and return itself.

        Raises:
            EvaluationError: vectors of another catalog, and what `ease_weights` raises.
        """
        if len(self._vectors) != len(catalog):
            raise EvaluationError(
                f"{self.name} has {len(self._vectors)} vectors for {len(catalog)} items; "
                "encode this catalog first"
            )
        self._weights = ease_weights(
            user_item_matrix(interactions, len(catalog)),
            self._ridge,
            vectors=self._vectors,
            kernel=self._kernel,
            name=self.name,
        )
        self._known = np.ones(len(catalog), bool)
        return self
