"""Matrix factorisation of implicit feedback by alternating least squares."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.baselines.libraries import import_library
from longtail.evaluation.baselines.matrices import user_item_matrix
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.confidences import confidences
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


class IALS:
    """Users and items as factors; unobserved pairs count too, with confidence 1.

    min sum over all (u, i) of c_ui (p_ui - x_u y_i)^2 + regularization (|x|^2 + |y|^2), c = alpha
    for taken items (Hu, Koren and Volinsky, Collaborative Filtering for Implicit Feedback
    Datasets, 2008, eq. 3), by the library ``implicit``. With ``amounts`` c grows with how often or
    how much was taken in training (`confidences`), where that differs at all. The user's factors
    are solved anew from the history that is asked for, so that items taken after training count.
    Items that nobody took in training have no factors and are never returned.
    """

    name = "iALS"

    def __init__(
        self,
        *,
        factors: int = 64,
        regularization: float = 1.0,
        alpha: float = 5.0,
        amounts: bool = False,
        iterations: int = 15,
        seed: int = 0,
    ) -> None:
        self._settings = {
            "factors": factors,
            "regularization": regularization,
            "alpha": alpha,
            "iterations": iterations,
            "random_state": seed,
        }
        self._amounts = amounts
        self._model: Any = None
        self._known: NDArray[np.bool_] | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Factorise the training part and return itself.

        Raises:
            EvaluationError: ``implicit`` isn't installed.
        """
        library = import_library("implicit.cpu.als", self.name)
        taken = user_item_matrix(interactions, len(catalog))
        certain = confidences(interactions, len(catalog)) if self._amounts else None
        with one_blas_thread():
            model = library.AlternatingLeastSquares(**self._settings)
            model.fit(library_matrix(taken if certain is None else certain), show_progress=False)
        self._model, self._known = model, taken.sum(axis=0) > 0
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return predicted preferences, float32 [m, n_items]; an empty history says nothing."""
        if self._model is None or self._known is None:
            raise EvaluationError("iALS was never fitted; call fit(interactions, catalog)")
        owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
        known = Interactions(
            histories.user_ids,
            owner.astype(np.int32),
            histories.items,
            np.zeros(len(owner), np.int64),
            has_clock=False,
        )
        taken = library_matrix(user_item_matrix(known, len(self._known)))
        with one_blas_thread():
            users = self._model.recalculate_user(np.arange(len(histories)), taken)
        scores = np.asarray(users @ self._model.item_factors.T, np.float32)
        scores[:, ~self._known] = -np.inf
        scores[np.diff(histories.offsets) == 0] = -np.inf
        return scores


def one_blas_thread() -> AbstractContextManager[Any]:
    """Keep BLAS to one thread: the library's own work on users, and call it each for itself.

    With threads under its threads it is far slower, and OpenBLAS warns of every call.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, "blas")
    return limits


def library_matrix(taken: Any) -> Any:
    """Return a sparse array as the library takes it."""
    from scipy.sparse import csr_matrix

    # The library knows SciPy's older kind only.
    return csr_matrix(taken)
