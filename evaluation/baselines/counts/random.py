"""Everybody gets something else, by chance."""

from __future__ import annotations

import hashlib
from typing import Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


class RandomBaseline:
    """Scores items by chance, drawn from the user's id: what no information at all gives.

    A user's answer doesn't depend on who else is asked, nor on the order of asking.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._n_items: int | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Note the size of the catalog and return itself."""
        self._n_items = len(catalog)
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return uniform draws, float32 [m, n_items]."""
        if self._n_items is None:
            raise EvaluationError("random was never fitted; call fit(interactions, catalog)")
        out = np.empty((len(histories), self._n_items), np.float32)
        for line, user_id in enumerate(histories.user_ids):
            out[line] = self._draws(str(user_id))
        return out

    def _draws(self, user_id: str) -> NDArray[np.float32]:
        # Python's own hash() differs from process to process.
        key = hashlib.blake2b(user_id.encode(), digest_size=8).digest()
        chance = np.random.default_rng([self._seed, int.from_bytes(key, "big")])
        return chance.random(self._n_items, dtype=np.float32)
