"""Another recommender's lists for users without a history, so that nobody wins by a fallback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError, RecommenderError
from longtail.evaluation.protocol import Recommender
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Pool


@dataclass(frozen=True)
class WithFallback:
    """A method that reads histories, and what answers for it where there is none to read.

    Users whose known history is empty get the lists of ``fallback`` at the same debias strength,
    at the nearest where it hasn't that one (of two the weaker); all others are answered by
    ``recommender`` alone. Two methods with the same fallback differ by their reading of
    histories and by nothing else. It keeps the `Recommender` contract.

    Raises:
        EvaluationError: the fallback has no debias strength.
    """

    recommender: Recommender
    fallback: Recommender

    def __post_init__(self) -> None:
        if not self.fallback.strengths:
            raise EvaluationError(
                f"{self.fallback.name}, the fallback of {self.name}, has no debias strength; give "
                "it at least one, or 0"
            )

    @property
    def name(self) -> str:
        """The name of the method that reads histories."""
        return self.recommender.name

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strengths of the method that reads histories."""
        return self.recommender.strengths

    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> Mapping[tuple[float, Pool], NDArray[np.int64]]:
        """Return the lists of every strength and pool, int64 [m, k], -1 padded.

        Raises:
            RecommenderError: the fallback left out a pool.
        """
        own = self.recommender.answers(histories, k, pools)
        unknown = np.flatnonzero(np.diff(histories.offsets) == 0)
        if not len(unknown):
            return own
        of_fallback = self.fallback.answers(histories.take(unknown), k, pools)
        filled = {}
        for (debias, pool), rows in own.items():
            stand_ins = of_fallback.get((self._nearest(debias), pool))
            if stand_ins is None:
                raise RecommenderError(
                    f"{self.fallback.name}, the fallback of {self.name}, gave no lists for the "
                    f"pool {pool}; answers() must return one array for every (strength, pool)"
                )
            filled[debias, pool] = rows
            # Lists of another length are left for the evaluator to refuse.
            if rows.shape[1:] == stand_ins.shape[1:]:
                filled[debias, pool] = rows.copy()
                filled[debias, pool][unknown] = stand_ins
        return filled

    def _nearest(self, debias: float) -> float:
        return min(self.fallback.strengths, key=lambda own: (abs(own - debias), own))


def who_answers(n_users: int, n_without: int, fallbacks: Mapping[str, str]) -> str:
    """Return how many users have no history and who answers them, as one line.

    ``fallbacks``: the name of each recommender that has one -> the fallback's name.

    >>> who_answers(166, 76, {"EASE": "longtail", "RP3beta": "longtail"})
    "76 of 166 users have no history: longtail's lists stand in for those of EASE, RP3beta"
    >>> who_answers(166, 76, {})
    '76 of 166 users have no history: every method answers for itself'
    """
    methods: dict[str, list[str]] = {}
    for name, fallback in fallbacks.items():
        methods.setdefault(fallback, []).append(name)
    parts = [
        f"{fallback}'s lists stand in for those of {', '.join(names)}"
        for fallback, names in methods.items()
    ] or ["every method answers for itself"]
    return f"{n_without:,} of {n_users:,} users have no history: {'; '.join(parts)}"
