"""Running sums of an evaluation: what is kept of a chunk of users once its lists are gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.accuracy import PerUser, TargetRanks, item_recall
from longtail.evaluation.metrics.exposure import (
    coverage,
    exposure_counts,
    gini,
    list_mean,
    popularity_lift,
)
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import HEAD, Popularity

# Bands of training counts, first and last included, in which recall is reported.
BANDS: tuple[tuple[int, int], ...] = ((0, 0), (1, 4), (5, 9), (10, 19), (20, 49), (50, 2**62))
BAND_NAMES = ("0", "1-4", "5-9", "10-19", "20-49", "50+")


class MeanTally:
    """Means of named values over everything that was added; NaN doesn't count."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, values: PerUser | NDArray[np.bool_]) -> None:
        """Take in some values, of users or of targets."""
        numbers = np.asarray(values, dtype=np.float64)
        kept = numbers[~np.isnan(numbers)]
        self._sums[name] = self._sums.get(name, 0.0) + float(kept.sum())
        self._counts[name] = self._counts.get(name, 0) + len(kept)

    def means(self) -> dict[str, float]:
        """Return the mean under each name, NaN where nothing but NaN was added."""
        return {
            name: total / self._counts[name] if self._counts[name] else float("nan")
            for name, total in self._sums.items()
        }

    def counts(self) -> dict[str, int]:
        """Return how many values each mean is made of."""
        return dict(self._counts)


class ItemTally:
    """Hits and targets of every item, for means in which each item counts once."""

    def __init__(self, ks: Sequence[int], n_items: int) -> None:
        self._hits = {k: np.zeros(n_items, np.int64) for k in ks}
        self._targets = np.zeros(n_items, np.int64)

    def add(self, ranks: TargetRanks, item: NDArray[np.int64]) -> None:
        """Take in the targets of some users; ``item`` [p] goes with ``ranks.rank``."""
        n_items = len(self._targets)
        self._targets += np.bincount(item, minlength=n_items)
        for k, hits in self._hits.items():
            hits += np.bincount(item[ranks.rank < k], minlength=n_items)

    def recall(self, k: int, inside: NDArray[np.bool_] | None = None) -> float:
        """Return `item_recall` over all items, or over those that ``inside`` [n_items] marks."""
        kept = slice(None) if inside is None else inside
        return item_recall(self._hits[k][kept], self._targets[kept])


class ExposureTally:
    """What the lists show: evenness over items, and popularity against the users' own."""

    def __init__(self, ks: Sequence[int], popularity: Popularity) -> None:
        self._popularity = popularity
        self._counts = popularity.counts.astype(np.float32)
        self._exposure = {k: np.zeros(len(self._counts), np.int64) for k in ks}
        # k -> lists' and histories' summed mean popularity, over users who have both.
        self._popularity_of = {k: np.zeros(2) for k in ks}

    def add(self, answers: NDArray[np.int64], histories: Histories) -> None:
        """Take in the lists of some users, [m, k], and what these users had taken before."""
        of_history = history_mean(histories, self._counts)
        for k, shown in self._exposure.items():
            shown += exposure_counts(answers, k, len(shown))
            lists = list_mean(answers, self._counts, k)
            both = ~(np.isnan(lists) | np.isnan(of_history))
            self._popularity_of[k] += lists[both].sum(), of_history[both].sum()

    def metrics(self) -> dict[str, float]:
        """Return coverage, tail coverage, Gini and popularity lift at every k."""
        # What was removed can be in no list, and is no part of the catalog.
        there = self._popularity.in_pool("all")
        rare = (self._popularity.bucket != HEAD) & there
        metrics: dict[str, float] = {}
        for k, shown in self._exposure.items():
            metrics[f"coverage@{k}"] = coverage(shown[there])
            metrics[f"tail_coverage@{k}"] = coverage(shown[rare])
            metrics[f"gini@{k}"] = gini(shown[there])
            lists, of_history = self._popularity_of[k]
            metrics[f"popularity_lift@{k}"] = popularity_lift(
                np.array([lists]), np.array([of_history])
            )
        return metrics


def history_mean(histories: Histories, values: NDArray[np.float32]) -> PerUser:
    """Return the mean of an item property over each history, NaN for an empty one.

    >>> history_mean(Histories.from_lists([[0, 2], []]), np.array([1, 9, 3], np.float32)).tolist()
    [2.0, nan]
    """
    lengths = np.diff(histories.offsets)
    owner = np.repeat(np.arange(len(histories)), lengths)
    total = np.bincount(owner, values[histories.items], len(histories))
    return np.where(lengths > 0, total / np.maximum(lengths, 1), np.nan)


def band_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position in BANDS of each training count.

    >>> [BAND_NAMES[b] for b in band_of(np.array([0, 3, 5, 19, 20, 700]))]
    ['0', '1-4', '5-9', '10-19', '20-49', '50+']
    """
    return np.searchsorted([first for first, _ in BANDS], counts, side="right") - 1
