"""Beyond accuracy: which items the lists show, how popular they are, and how evenly they share.

Functions that take ``answers`` [m, k] (catalog rows, best first, -1 padded) return one value a
user, NaN for an empty list; functions that take ``exposure`` (how many lists show each item,
[n_items]) return one number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.accuracy import PerUser


def list_mean(answers: NDArray[np.int64], values: NDArray[np.float32], k: int) -> PerUser:
    """Return the mean of an item property over the first k of each list.

    With ``Popularity.percentile`` it is the average popularity percentile (the idea of ARP, Yin et
    al., Challenging the Long Tail Recommendation, 2012, on a scale that no single hit dominates);
    with an indicator of the tail it is the tail share (APLT, Abdollahpouri et al., Managing
    Popularity Bias in Recommender Systems with Personalized Re-ranking, 2019, eq. 9).

    >>> list_mean(np.array([[2, 0, -1], [-1, -1, -1]]), np.array([1, 5, 2], dtype=np.float32), 3)
    array([1.5, nan])
    """
    first = answers[:, :k]
    shown = first >= 0
    total = np.where(shown, values[first].astype(np.float64), 0.0).sum(axis=1)
    number = shown.sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def novelty(answers: NDArray[np.int64], log_p: NDArray[np.float32], k: int) -> PerUser:
    """Return the mean self-information of the first k of each list, in bits.

    Novelty = mean over the list of -log2 p(item), p the item's share of the training interactions
    (Zhou et al., Solving the Apparent Diversity-Accuracy Dilemma, 2010). ``log_p`` is natural.

    >>> novelty(np.array([[0, 1]]), np.log(np.array([0.5, 0.125], dtype=np.float32)), 2).tolist()
    [2.0]
    """
    return list_mean(answers, (-log_p / np.log(2.0)).astype(np.float32), k)


def popularity_lift(lists: PerUser, histories: PerUser) -> float:
    """Return how much more popular the lists are than what their users took themselves.

    (mean over users of the list's popularity) / (mean over users of the history's popularity) - 1:
    delta GAP of Abdollahpouri et al., The Unfairness of Popularity Bias in Recommendation, 2019.
    0 keeps the users' own taste, 1 doubles the popularity, -0.5 halves it. Users without a list
    or without a history don't count.

    >>> popularity_lift(np.array([30.0, 10.0, np.nan]), np.array([15.0, 5.0, 9.0]))
    1.0
    """
    both = ~(np.isnan(lists) | np.isnan(histories))
    history_mean = float(histories[both].sum())
    return float(lists[both].sum()) / history_mean - 1.0 if history_mean > 0 else float("nan")


def exposure_counts(answers: NDArray[np.int64], k: int, n_items: int) -> NDArray[np.int64]:
    """Return how many lists show each item among their first k, int64 [n_items].

    >>> exposure_counts(np.array([[2, 0], [2, -1]]), 2, 4).tolist()
    [1, 0, 2, 0]
    """
    first = answers[:, :k]
    return np.bincount(first[first >= 0], minlength=n_items)


def coverage(exposure: NDArray[np.int64]) -> float:
    """Return the share of these items that at least one list shows.

    Catalog coverage (Ge et al., Beyond Accuracy, 2010); NaN for no items.

    >>> coverage(np.array([3, 0, 1, 0]))
    0.5
    """
    return float((exposure > 0).mean()) if len(exposure) else float("nan")


def gini(exposure: NDArray[np.int64]) -> float:
    """Return how unevenly the lists share out their places: 0 all alike, near 1 one item has all.

    G = sum over items, from the least shown, of (2 i - n - 1) x_i / (n sum x), i from 1
    (Shani and Gunawardana, Evaluating Recommendation Systems, 2011, eq. 8.22, divided by n
    instead of n - 1). NaN when nothing is shown.

    >>> gini(np.array([1, 1, 1, 1])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    total = float(exposure.sum())
    if not total:
        return float("nan")
    n = len(exposure)
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(exposure)) / (n * total)
