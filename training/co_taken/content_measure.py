"""What item vectors alone are worth on validation, without anything learned on the user's side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.features.history_scores import DECAY, LAST
from longtail.retrieval.towers.whitening import unit_rows
from longtail.training.validation import ValidationMeasure, ValidationSet, measure

# What engines' cosines are divided by, as a rule; the weights of log p go with it.
TEMPERATURE = 0.07
POPULARITY_WEIGHTS = (0.0, 0.2, 0.4, 0.6)


def recency_sums(vectors: NDArray[np.float32], histories: Histories) -> NDArray[np.float32]:
    """Return each user's last items summed, each counting .8 of the next, unit rows [n, d].

    >>> axes = np.eye(2, dtype=np.float32)
    >>> recency_sums(axes, Histories.from_lists([[0, 1], []])).round(2).tolist()
    [[0.6200000047683716, 0.7799999713897705], [0.0, 0.0]]
    """
    rows, _ = histories.last(LAST)
    sums = np.zeros((len(histories), vectors.shape[1]), np.float32)
    for age in range(rows.shape[1]):
        there = rows[:, age] >= 0
        sums[there] += np.float32(DECAY**age) * vectors[rows[there, age]]
    return unit_rows(sums)


@dataclass(frozen=True)
class ContentMeasure:
    """Measures item vectors by how a history's recency sum ranks what came next.

    Log p is added to the cosine with the weight that suits the vectors best, as the first stage
    of an engine does: vectors that popularity was kept out of would lose to others otherwise.
    """

    validation: ValidationSet
    popularity: Popularity

    def of(self, vectors: NDArray[np.float32]) -> ValidationMeasure:
        """Return what these vectors are worth, unit rows [n, d]."""
        tried = measure(
            recency_sums(vectors, self.validation.known),
            vectors,
            self.validation,
            self.popularity,
            temperature=TEMPERATURE,
            popularity_weights=POPULARITY_WEIGHTS,
        )
        return max(tried, key=lambda measured: measured.balance)

    def beside(
        self,
        pretrained: NDArray[np.float32],
        tuned: NDArray[np.float32],
        shares: Sequence[float],
    ) -> dict[float, ValidationMeasure]:
        """Return what both vectors beside each other are worth, by the tuned ones' share."""
        return {share: self.of(side_by_side(pretrained, tuned, share)) for share in shares}


def side_by_side(
    pretrained: NDArray[np.float32], tuned: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    """Return ``[sqrt(1 - share) pretrained ; sqrt(share) tuned]``, unit rows, [n, 2 d]."""
    halves = (np.float32((1 - share) ** 0.5) * pretrained, np.float32(share**0.5) * tuned)
    return np.concatenate(halves, axis=1)
