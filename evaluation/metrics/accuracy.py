"""Accuracy of ranked lists: recall, NDCG, reciprocal rank and hit rate, one value a user.

Everything starts from the rank of each target in its user's list (`target_ranks`). Users without
targets get NaN: they say nothing about accuracy and are left out of means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PerUser = NDArray[np.float64]

# The rank of a target that isn't in the list: beyond every k.
NOT_FOUND = np.iinfo(np.int64).max


@dataclass(frozen=True)
class TargetRanks:
    """Where each target stands in its user's list.

    Attributes:
        rank: 0 for the first place, NOT_FOUND outside the list, int64 [p].
        user: the target's user, int64 [p].
        n_users: users in all, with targets or without.
    """

    rank: NDArray[np.int64]
    user: NDArray[np.int64]
    n_users: int

    def select(self, keep: NDArray[np.bool_]) -> TargetRanks:
        """Return some of the targets; the users stay numbered as they are."""
        return TargetRanks(self.rank[keep], self.user[keep], self.n_users)

    def per_user(self) -> NDArray[np.int64]:
        """Return the number of targets of each user, int64 [n_users]."""
        return np.bincount(self.user, minlength=self.n_users)


def target_ranks(
    answers: NDArray[np.int64], user: NDArray[np.int64], item: NDArray[np.int64]
) -> TargetRanks:
    """Return the rank of every target (user, item) in ``answers`` [n_users, k], -1 padded.

    >>> lists = np.array([[4, 7, 9], [7, -1, -1]])
    >>> target_ranks(lists, np.array([0, 1]), np.array([9, 7])).rank.tolist()
    [2, 0]
    """
    line, place = np.nonzero(answers >= 0)
    rows = answers[line, place]
    n_items = int(max(rows.max(initial=-1), item.max(initial=-1))) + 1
    keys = line * n_items + rows
    order = np.argsort(keys, kind="stable")
    keys, place = keys[order], place[order]
    target_keys = user * n_items + item
    position = np.searchsorted(keys, target_keys)
    rank = np.full(len(item), NOT_FOUND, np.int64)
    inside = position < len(keys)
    inside[inside] = keys[position[inside]] == target_keys[inside]
    rank[inside] = place[position[inside]]
    return TargetRanks(rank, user, len(answers))


def recall(ranks: TargetRanks, k: int) -> PerUser:
    """Return the share of each user's targets among the first k.

    Recall@k = |targets in the first k| / |targets| (Manning et al., Introduction to Information
    Retrieval, eq. 8.2). Not capped: a user with 20 targets reaches at most 0.5 at k = 10.

    >>> recall(TargetRanks(np.array([0, NOT_FOUND, 3]), np.array([0, 0, 1]), 3), 2).tolist()
    [0.5, 0.0, nan]
    """
    return _ratio(np.bincount(ranks.user, ranks.rank < k, ranks.n_users), ranks.per_user())


def hit_rate(ranks: TargetRanks, k: int) -> PerUser:
    """Return 1 for a user with at least one target among the first k, else 0.

    HR@k (Deshpande and Karypis, Item-Based Top-N Recommendation Algorithms, 2004).

    >>> hit_rate(TargetRanks(np.array([0, NOT_FOUND, 3]), np.array([0, 0, 1]), 3), 2).tolist()
    [1.0, 0.0, nan]
    """
    hits = np.bincount(ranks.user, ranks.rank < k, ranks.n_users)
    return np.where(ranks.per_user() > 0, np.minimum(hits, 1.0), np.nan)


def ndcg(ranks: TargetRanks, k: int) -> PerUser:
    """Return the normalised discounted cumulative gain of each user's first k.

    DCG = sum over targets ranked r < k of 1 / log2(r + 2), r from 0, divided by the DCG of a list
    that starts with min(k, |targets|) targets (Järvelin and Kekäläinen, Cumulated Gain-Based
    Evaluation, 2002; gain 1 a target).

    >>> ndcg(TargetRanks(np.array([0, 2]), np.array([0, 1]), 2), 10).tolist()
    [1.0, 0.5]
    """
    # Clipped first: log2(NOT_FOUND + 2) would overflow.
    place = np.minimum(ranks.rank, k)
    gain = np.where(place < k, 1.0 / np.log2(place + 2.0), 0.0)
    best = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(k) + 2.0))])
    ideal = best[np.minimum(ranks.per_user(), k)]
    return _ratio(np.bincount(ranks.user, gain, ranks.n_users), ideal)


def mrr(ranks: TargetRanks, k: int) -> PerUser:
    """Return one over the place of each user's first target, 0 when none is among the first k.

    RR@k = 1 / (place of the best ranked target), places from 1; its mean over users is the mean
    reciprocal rank (Voorhees, The TREC-8 Question Answering Track Report, 1999).

    >>> mrr(TargetRanks(np.array([3, 1, NOT_FOUND]), np.array([0, 0, 1]), 2), 10).tolist()
    [0.5, 0.0]
    """
    first = np.full(ranks.n_users, NOT_FOUND, np.int64)
    np.minimum.at(first, ranks.user, ranks.rank)
    place = np.minimum(first, k) + 1.0
    value = np.where(first < k, 1.0 / place, 0.0)
    return np.where(ranks.per_user() > 0, value, np.nan)


def micro_recall(ranks: TargetRanks, k: int) -> float:
    """Return the share of all targets that are among the first k, whoever's they are.

    Sum over users of found / sum over users of targets: the micro-average (Manning et al.,
    section 13.6), in which a user counts with the number of their targets. NaN without a target.

    >>> round(micro_recall(TargetRanks(np.array([0, 1, 9]), np.array([0, 0, 1]), 2), 5), 3)
    0.667
    """
    return float((ranks.rank < k).mean()) if len(ranks.rank) else float("nan")


def item_recall(hits: NDArray[np.int64], targets: NDArray[np.int64]) -> float:
    """Return the mean over target items of the share of their users who were shown them.

    ``hits`` and ``targets`` count users by item, [n_items]: the macro-average over items (Manning
    et al., section 13.6). A hit with a thousand users counts no more than an item with one, which
    takes the popularity out of the targets. NaN without a target.

    >>> item_recall(np.array([90, 0, 0]), np.array([100, 1, 0]))
    0.45
    """
    is_target = targets > 0
    return float((hits[is_target] / targets[is_target]).mean()) if is_target.any() else float("nan")


ACCURACY: dict[str, Callable[[TargetRanks, int], PerUser]] = {
    "recall": recall,
    "ndcg": ndcg,
    "mrr": mrr,
    "hit_rate": hit_rate,
}


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> PerUser:
    return np.where(whole > 0, part / np.maximum(whole, 1e-12), np.nan)
