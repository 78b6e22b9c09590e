"""What vectors alone are worth on validation, user by user, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.training.co_taken.content_measure import (
    POPULARITY_WEIGHTS,
    TEMPERATURE,
    recency_sums,
)
from longtail.training.encoders.catalog_sample import CatalogSample
from longtail.training.validation import target_ranks, user_ndcg, user_recall

K = 10
RESAMPLES = 2_000
# Ends of a 95 % interval.
ENDS = (2.5, 97.5)
_BLOCK = 100


@dataclass(frozen=True)
class ContentFigures:
    """Figures of content kNN by user; NaN in the tail where a user has no target there.

    Attributes:
        ndcg, tail_ndcg, recall, tail_recall: float64 [users].
    """

    ndcg: NDArray[np.float64]
    tail_ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    tail_recall: NDArray[np.float64]

    @property
    def balance(self) -> float:
        """Geometric mean of overall and tail NDCG@10, as `ValidationMeasure.balance`."""
        return float(_balance(self.ndcg.mean(), _mean(self.tail_ndcg)))


def content_figures(vectors: NDArray[np.float32], sample: CatalogSample) -> ContentFigures:
    """Return what item vectors, unit rows [n, d], find of the sample's targets.

    A user is the recency sum of the last items. Log p is added with the weight of the best
    balance, as `ContentMeasure` does it.
    """
    validation = sample.validation
    ranks = target_ranks(
        recency_sums(vectors, validation.known),
        vectors,
        validation,
        sample.popularity,
        temperature=TEMPERATURE,
        popularity_weights=POPULARITY_WEIGHTS,
    )
    user, tail = validation.pair_user, validation.in_tail
    everything = np.ones(len(user), bool)
    of_tail = np.unique(user[tail])

    def in_tail(values: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.full(len(validation), np.nan)
        out[of_tail] = values
        return out

    tried = [
        ContentFigures(
            ndcg=user_ndcg(each, user, everything, K),
            tail_ndcg=in_tail(user_ndcg(each, user, tail, K)),
            recall=user_recall(each, user, everything, K),
            tail_recall=in_tail(user_recall(each, user, tail, K)),
        )
        for each in ranks
    ]
    return max(tried, key=lambda figures: figures.balance)


def resampled_balances(figures: Sequence[ContentFigures], *, seed: int) -> NDArray[np.float64]:
    """Return each one's balance on resampled users, float64 [resamples, len(figures)].

    All are resampled alike, so that a difference of two columns is a paired one (Efron and
    Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 13).
    """
    rng = np.random.default_rng(seed)
    overall = np.stack([each.ndcg for each in figures], axis=1)
    tail = np.stack([each.tail_ndcg for each in figures], axis=1)
    there = ~np.isnan(tail[:, 0])
    n_users = len(overall)
    out = np.empty((RESAMPLES, len(figures)))
    for start in range(0, RESAMPLES, _BLOCK):
        drawn = rng.integers(0, n_users, (_BLOCK, n_users))
        drawn += n_users * np.arange(_BLOCK)[:, None]
        times = np.bincount(drawn.ravel(), minlength=_BLOCK * n_users).reshape(_BLOCK, n_users)
        of_tail = times[:, there]
        # Without a user of the tail among them the overall figure stands alone.
        n_tail = of_tail.sum(axis=1, keepdims=True)
        sums = of_tail @ tail[there]
        means = np.where(n_tail > 0, sums / np.maximum(n_tail, 1), np.nan)
        out[start : start + _BLOCK] = _balance(times @ overall / n_users, means)
    return out


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the 95 % interval of resampled values, [resamples]."""
    low, high = np.percentile(values, ENDS)
    return float(low), float(high)


def _balance(
    ndcg: NDArray[np.float64] | np.floating, tail_ndcg: NDArray[np.float64] | np.floating
) -> NDArray[np.float64]:
    return np.where(np.isnan(tail_ndcg), ndcg, np.sqrt(ndcg * tail_ndcg))


def _mean(values: NDArray[np.float64]) -> np.floating:
    there = values[~np.isnan(values)]
    return there.mean() if len(there) else np.float64(np.nan)
