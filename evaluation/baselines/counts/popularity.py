"""Everybody gets what most people took."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


class PopularityBaseline:
    """Scores an item by the distinct training users who took it: log(1 + users).

    The logarithm keeps the order and puts the score on the scale of the debias dial.
    """

    name = "popularity"

    def __init__(self) -> None:
        self._scores: NDArray[np.float32] | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Count the users of every item and return itself."""
        self._scores = np.log1p(interactions.user_counts(len(catalog))).astype(np.float32)
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return the same scores for every history, float32 [m, n_items], read-only."""
        if self._scores is None:
            raise EvaluationError("popularity was never fitted; call fit(interactions, catalog)")
        return np.broadcast_to(self._scores, (len(histories), len(self._scores)))
