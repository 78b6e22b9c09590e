"""A recommender made of scores: mask what was seen, keep to the pool, take the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.protocol import Baseline, debiased_name
from retrieval.interactions import Histories
from retrieval.popularity import Pool, Popularity

# Scores held at once: 64 MB of float32, however many items the catalog has.
SCORES_AT_ONCE = 16_000_000


@dataclass(frozen=True)
class ScoreRecommender:
    """Ranks the catalog by a fitted baseline's scores; keeps the `Recommender` contract.

    Attributes:
        baseline: fitted on the training part.
        popularity: gives the pools and ``log p``.
        debias: strength of the correction ``score - debias * log p``; 0 leaves the scores alone.
        standardise: bring each user's scores to mean 0 and deviation 1 over the catalog first, so
            that one debias strength means about the same for every method.
    """

    baseline: Baseline
    popularity: Popularity
    debias: float = 0.0
    standardise: bool = False

    @property
    def name(self) -> str:
        """The baseline's name, with the debias strength when there is one."""
        return debiased_name(self.baseline.name, self.debias)

    def top(self, histories: Histories, k: int, pool: Pool) -> NDArray[np.int64]:
        """Return the best catalog rows of the pool, int64 [m, k], -1 padded; ties by row."""
        out = np.full((len(histories), k), -1, np.int64)
        allowed = self.popularity.in_pool(pool)
        block = max(1, SCORES_AT_ONCE // max(len(allowed), 1))
        for start in range(0, len(histories), block):
            part = histories.take(np.arange(start, min(start + block, len(histories))))
            out[start : start + len(part)] = self._top(part, k, allowed)
        return out

    def _top(self, histories: Histories, k: int, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        found = self.baseline.scores(histories)
        if found.shape != (len(histories), len(allowed)):
            raise EvaluationError(
                f"{self.baseline.name} scored {list(found.shape)} instead of "
                f"{[len(histories), len(allowed)]}; fit it on this catalog"
            )
        scores = np.array(found, dtype=np.float32)
        scores[np.isnan(scores)] = -np.inf
        if self.standardise:
            scores = standard_scores(scores)
        if self.debias:
            scores -= np.float32(self.debias) * self.popularity.log_p
        scores[:, ~allowed] = -np.inf
        owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
        scores[owner, histories.items] = -np.inf
        return best_columns(scores, k)


def standard_scores(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each line less its mean, over its deviation; ``-inf`` stays and isn't counted.

    >>> standard_scores(np.array([[1, 3, -np.inf]], dtype=np.float32)).tolist()
    [[-1.0, 1.0, -inf]]
    """
    finite = np.isfinite(scores)
    number = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    values = np.where(finite, scores, 0.0)
    centred = values - values.sum(axis=1, keepdims=True) / number
    variance = np.where(finite, centred**2, 0.0).sum(axis=1, keepdims=True) / number
    scaled = centred / np.sqrt(np.maximum(variance, 1e-12))
    return np.where(finite, scaled, scores).astype(np.float32)


def best_columns(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the k best columns of each line, best first, ties by column, int64 [m, k].

    Columns at ``-inf`` are never returned; short lines are padded with -1.

    >>> scores = np.array([[1, 5, 5, 2], [-np.inf, 3, -np.inf, -np.inf]], np.float32)
    >>> best_columns(scores, 3).tolist()
    [[1, 2, 3], [1, -1, -1]]
    """
    lines, columns = scores.shape
    out = np.full((lines, k), -1, np.int64)
    width = min(k, columns)
    if width == 0 or lines == 0:
        return out
    border = -np.partition(-scores, width - 1, axis=1)[:, width - 1 : width]
    keep = scores >= border
    # More columns tie at the border than there is room for: the first ones stay.
    for line in np.flatnonzero(keep.sum(axis=1) > width):
        tied = np.flatnonzero(scores[line] == border[line])
        room = width - int((scores[line] > border[line]).sum())
        keep[line, tied[room:]] = False
    chosen = np.nonzero(keep)[1].reshape(lines, width)
    values = np.take_along_axis(scores, chosen, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    chosen = np.take_along_axis(chosen, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    out[:, :width] = np.where(values > -np.inf, chosen, -1)
    return out
