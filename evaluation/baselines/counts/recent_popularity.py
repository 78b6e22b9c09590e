"""Everybody gets what most people took lately."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions

SECONDS_A_DAY = 86_400.0


class RecentPopularity:
    """Popularity in which an event counts half after every half-life.

    score = log(1 + sum over distinct users of 0.5 ** (days between the user's last taking of the
    item and the end of the training part / half_life_days)) (Ji et al., A Re-visit of the
    Popularity Baseline in Recommender Systems, 2020, DecayPop, by half-lives instead of months).
    """

    name = "recent popularity"

    def __init__(self, *, half_life_days: float = 30.0) -> None:
        self._half_life_days = half_life_days
        self._scores: NDArray[np.float32] | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Weigh every item's users by the age of their events and return itself.

        Raises:
            EvaluationError: the log has no clock. An order within each user says nothing about
                what is popular now, so this would be plain popularity under another name.
        """
        if not interactions.has_clock:
            raise EvaluationError(
                "recent popularity equals popularity on a log without real timestamps; "
                "give a timestamp column, or leave it out"
            )
        taken = interactions.taken()
        end = taken.time.max(initial=0)
        pairs, position = np.unique(
            taken.user.astype(np.int64) * len(catalog) + taken.item, return_inverse=True
        )
        newest = np.full(len(pairs), np.iinfo(np.int64).min)
        np.maximum.at(newest, position, taken.time)
        days = (end - newest) / SECONDS_A_DAY
        weight = 0.5 ** (days / self._half_life_days)
        total = np.bincount(pairs % len(catalog), weight, minlength=len(catalog))
        self._scores = np.log1p(total).astype(np.float32)
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return the same scores for every history, float32 [m, n_items], read-only."""
        if self._scores is None:
            raise EvaluationError(
                "recent popularity was never fitted; call fit(interactions, catalog)"
            )
        return np.broadcast_to(self._scores, (len(histories), len(self._scores)))
