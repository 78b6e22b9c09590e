"""Matrix factorisation that ranks what was taken above what wasn't."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.baselines.factors.ials import library_matrix
from longtail.evaluation.baselines.libraries import import_library
from longtail.evaluation.baselines.matrices import user_item_matrix
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


class BPR:
    """Users and items as factors, learned from pairs of a taken and a random other item.

    max sum of ln sigmoid(x_ui - x_uj) - regularization |theta|^2 (Rendle et al., BPR: Bayesian
    Personalized Ranking from Implicit Feedback, 2009), by the library ``implicit``. A user's
    factors are those of the training part, found by the user id: the method has no answer for
    new users and can't take in what a user took since. Items that nobody took in training are
    never returned.
    """

    name = "BPR"

    def __init__(
        self,
        *,
        factors: int = 64,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        iterations: int = 100,
        seed: int = 0,
    ) -> None:
        self._settings = {
            "factors": factors,
            "learning_rate": learning_rate,
            "regularization": regularization,
            "iterations": iterations,
            "random_state": seed,
            # With several threads the updates race, and no two runs agree.
            "num_threads": 1,
        }
        self._model: Any = None
        self._known: NDArray[np.bool_] | None = None
        self._user_row: dict[str, int] = {}

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Learn the factors from the training part and return itself.

        Raises:
            EvaluationError: ``implicit`` isn't installed.
        """
        library = import_library("implicit.cpu.bpr", self.name)
        taken = user_item_matrix(interactions, len(catalog))
        model = library.BayesianPersonalizedRanking(**self._settings)
        model.fit(library_matrix(taken), show_progress=False)
        active = np.flatnonzero(taken.sum(axis=1) > 0)
        self._user_row = {str(interactions.user_ids[row]): int(row) for row in active}
        self._model, self._known = model, taken.sum(axis=0) > 0
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return predicted preferences, float32 [m, n_items]; -inf for users not trained on."""
        if self._model is None or self._known is None:
            raise EvaluationError("BPR was never fitted; call fit(interactions, catalog)")
        rows = np.array([self._user_row.get(str(user), -1) for user in histories.user_ids])
        rows = rows.astype(np.int64)
        users = self._model.user_factors[np.maximum(rows, 0)]
        scores = np.asarray(users @ self._model.item_factors.T, np.float32)
        scores[:, ~self._known] = -np.inf
        scores[rows < 0] = -np.inf
        return scores
