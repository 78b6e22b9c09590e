"""How good a model is on validation events: overall and in the tail, in one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity


@dataclass(frozen=True)
class ValidationSet:
    """Users with validation events: what was known before, and what they took then.

    Attributes:
        known: training histories of these users.
        pair_user: position in ``known`` of each (user, target) pair, int64 [p].
        pair_item: the target's catalog row, int64 [p].
        in_tail: whether the target is tail or cold, bool [p].
    """

    known: Histories
    pair_user: NDArray[np.int64]
    pair_item: NDArray[np.int64]
    in_tail: NDArray[np.bool_]

    @classmethod
    def from_split(
        cls,
        known: Histories,
        valid: Interactions,
        popularity: Popularity,
        *,
        max_users: int,
        seed: int,
    ) -> ValidationSet:
        """Return at most ``max_users`` users (drawn evenly) with a history and a new target.

        Targets that the user had taken before are no targets: no recommender returns them.
        """
        n_items = len(popularity.counts)
        taken = valid.taken()
        pairs = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
        owner = np.repeat(np.arange(len(known)), np.diff(known.offsets))
        before = np.unique(owner.astype(np.int64) * n_items + known.items)
        pairs = np.setdiff1d(pairs, before, assume_unique=True)
        pairs = pairs[np.diff(known.offsets)[pairs // n_items] > 0]
        users = np.unique(pairs // n_items)
        if len(users) > max_users:
            users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
            pairs = pairs[np.isin(pairs // n_items, users)]
        pair_item = pairs % n_items
        return cls(
            known=known.take(users),
            pair_user=np.searchsorted(users, pairs // n_items),
            pair_item=pair_item,
            in_tail=popularity.bucket[pair_item] != HEAD,
        )

    def __len__(self) -> int:
        return len(self.known)

    @property
    def n_targets(self) -> int:
        """How many items there are to find."""
        return len(self.pair_user)


@dataclass(frozen=True)
class ValidationMeasure:
    """Ranking quality on validation at one popularity weight; NDCG and recall at 10.

    ``tail_*`` counts tail and cold targets, ranked among the whole catalog.
    """

    popularity_weight: float
    ndcg: float
    recall: float
    tail_ndcg: float
    tail_recall: float

    @property
    def balance(self) -> float:
        """Geometric mean of overall and tail NDCG@10: a gain in one can't hide a loss in the other.

        Where validation holds no tail target, the overall figure alone.
        """
        if np.isnan(self.tail_ndcg):
            return self.ndcg
        return float(np.sqrt(self.ndcg * self.tail_ndcg))


def measure(
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    validation: ValidationSet,
    popularity: Popularity,
    *,
    temperature: float,
    popularity_weights: Sequence[float],
    k: int = 10,
) -> list[ValidationMeasure]:
    """Return the ranking quality of ``users @ items / temperature + weight * log p``.

    ``users`` [len(validation), d], ``items`` [n, d], unit rows; see `target_ranks`.
    """
    ranks = target_ranks(
        users,
        items,
        validation,
        popularity,
        temperature=temperature,
        popularity_weights=popularity_weights,
    )
    return [
        _summarise(ranks[w], validation, float(weight), k)
        for w, weight in enumerate(popularity_weights)
    ]


def target_ranks(
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    validation: ValidationSet,
    popularity: Popularity,
    *,
    temperature: float,
    popularity_weights: Sequence[float],
) -> NDArray[np.int64]:
    """Return the rank of every target at each popularity weight, 0 the best, int64 [weights, p].

    Every target is ranked among the whole catalog less the user's history; ties count against the
    target.
    """
    log_p = torch.from_numpy(popularity.log_p)
    table = torch.from_numpy(items)
    ranks = np.empty((len(popularity_weights), len(validation.pair_user)), np.int64)
    chunk = 512
    order = np.argsort(validation.pair_user, kind="stable")
    bounds = np.searchsorted(
        validation.pair_user[order], np.arange(0, len(validation) + chunk, chunk)
    )
    for number, start in enumerate(range(0, len(validation), chunk)):
        pairs = order[bounds[number] : bounds[number + 1]]
        stop = min(start + chunk, len(validation))
        logits = torch.from_numpy(users[start:stop] / np.float32(temperature)) @ table.T
        offsets = validation.known.offsets[start : stop + 1]
        seen = validation.known.items[offsets[0] : offsets[-1]]
        seen_by = np.repeat(np.arange(stop - start), np.diff(offsets))
        logits[seen_by, seen] = -torch.inf
        row = torch.from_numpy(validation.pair_user[pairs] - start)
        target = torch.from_numpy(validation.pair_item[pairs])
        for w, weight in enumerate(popularity_weights):
            scores = logits + weight * log_p if weight else logits
            of_target = scores[row, target]
            for part in range(0, len(pairs), chunk):
                inside = slice(part, part + chunk)
                # Not ">=": of a diverged model's NaN nothing is known, so it counts as worst.
                better = (~(scores[row[inside]] < of_target[inside, None])).sum(1) - 1
                ranks[w, pairs[inside]] = better.numpy()
    return ranks


def _summarise(
    ranks: NDArray[np.int64], validation: ValidationSet, weight: float, k: int
) -> ValidationMeasure:
    everything = np.ones(len(ranks), bool)
    return ValidationMeasure(
        weight,
        ndcg=mean_ndcg(ranks, validation.pair_user, everything, k),
        recall=mean_recall(ranks, validation.pair_user, everything, k),
        tail_ndcg=mean_ndcg(ranks, validation.pair_user, validation.in_tail, k),
        tail_recall=mean_recall(ranks, validation.pair_user, validation.in_tail, k),
    )


def mean_ndcg(
    ranks: NDArray[np.int64], user: NDArray[np.int64], keep: NDArray[np.bool_], k: int
) -> float:
    """Return the mean over users of NDCG@k, from each target's rank (0 is best).

    NaN when nothing is kept. Gain 1 a target, discount 1 / log2(rank + 2), divided by the
    best possible for the user's number of targets (Jarvelin and Kekalainen, 2002).

    >>> mean_ndcg(np.array([0, 2]), np.array([0, 1]), np.array([True, True]), 10)
    0.75
    """
    if not keep.any():
        return float("nan")
    return float(user_ndcg(ranks, user, keep, k).mean())


def user_ndcg(
    ranks: NDArray[np.int64], user: NDArray[np.int64], keep: NDArray[np.bool_], k: int
) -> NDArray[np.float64]:
    """Return NDCG@k of each user with a kept target, in the order of the users, float64 [u]."""
    _, owner, size = np.unique(user[keep], return_inverse=True, return_counts=True)
    gain = np.where(ranks[keep] < k, 1.0 / np.log2(ranks[keep] + 2), 0.0)
    ideal = np.cumsum(1.0 / np.log2(np.arange(k) + 2))[np.minimum(size, k) - 1]
    each: NDArray[np.float64] = np.bincount(owner, gain) / ideal
    return each


def mean_recall(
    ranks: NDArray[np.int64], user: NDArray[np.int64], keep: NDArray[np.bool_], k: int
) -> float:
    """Return the mean over users of the share of their targets ranked below k; NaN if none.

    >>> mean_recall(np.array([0, 30, 2]), np.array([0, 0, 1]), np.array([True] * 3), 10)
    0.75
    """
    if not keep.any():
        return float("nan")
    return float(user_recall(ranks, user, keep, k).mean())


def user_recall(
    ranks: NDArray[np.int64], user: NDArray[np.int64], keep: NDArray[np.bool_], k: int
) -> NDArray[np.float64]:
    """Return recall@k of each user with a kept target, in the order of the users, float64 [u]."""
    _, owner, size = np.unique(user[keep], return_inverse=True, return_counts=True)
    each: NDArray[np.float64] = np.bincount(owner, (ranks[keep] < k).astype(float)) / size
    return each
