"""How well logits rank the pairs of each user: recall and NDCG, overall and in the tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.training.head.training_pairs import Pairs

K = 10


class PairRanks:
    """Ranks retrieved pairs by any logits; targets that retrieval missed count as not found."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._kept = np.flatnonzero(pairs.retrieved)
        self._user = pairs.user[self._kept]
        self._label = pairs.label[self._kept]
        self._tail = pairs.in_tail[self._kept]
        self._begins = np.searchsorted(self._user, np.arange(pairs.n_users))
        self._ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(K) + 2.0))])

    def measures(self, logits: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """Return ``ndcg``, ``recall``, ``tail_ndcg``, ``tail_recall`` at 10, one a user.

        NaN for users without (tail) targets. Tail targets are ranked in the whole list.
        """
        order = np.lexsort((-logits[self._kept], self._user))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order)) - self._begins[self._user[order]]
        hit = self._label & (place < K)
        gain = np.where(hit, 1.0 / np.log2(np.minimum(place, K) + 2.0), 0.0)
        out = {}
        for prefix, inside, targets in (
            ("", hit, self._pairs.targets),
            ("tail_", hit & self._tail, self._pairs.tail_targets),
        ):
            there = targets > 0
            hits = np.bincount(self._user[inside], minlength=len(targets))
            gained = np.bincount(self._user[inside], gain[inside], len(targets))
            ideal = self._ideal[np.minimum(targets, K)]
            out[f"{prefix}ndcg"] = np.where(there, gained / np.maximum(ideal, 1e-9), np.nan)
            out[f"{prefix}recall"] = np.where(there, hits / np.maximum(targets, 1), np.nan)
        return out


def balance(measures: dict[str, NDArray[np.float64]]) -> float:
    """Return the geometric mean of overall and tail NDCG@10; overall alone without tail targets.

    >>> half = np.array([0.5, np.nan])
    >>> balance({"ndcg": half, "tail_ndcg": np.array([0.125, np.nan])})
    0.25
    """
    overall = float(np.nanmean(measures["ndcg"]))
    if np.isnan(measures["tail_ndcg"]).all():
        return overall
    return float(np.sqrt(overall * np.nanmean(measures["tail_ndcg"])))
