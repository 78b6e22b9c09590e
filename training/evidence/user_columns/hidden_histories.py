"""Validation users ranked as if they had no history: what the columns of users are chosen on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories, excluded_keys
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.users.user_table import UserValues
from longtail.retrieval.features.user_columns import UserColumns
from longtail.retrieval.kernels.top_k import best_of_rows

K = 10
# Scores that a choice computes for each pair of a prior and a strength, and holds at a time.
MOST_SCORES, SCORES_AT_ONCE = 50_000_000, 4_000_000

Figures = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class HiddenHistories:
    """Validation users with values, ranked as if they had no history.

    Attributes:
        values: theirs.
        past: sorted keys ``user * n + row`` of what they had taken, which isn't ranked.
        targets: sorted keys of what they took then.
        base: log of popularity, what the lift is added to, float32 [n].
        in_tail: whether an item is tail or cold, bool [n].
    """

    values: UserValues
    past: NDArray[np.int64]
    targets: NDArray[np.int64]
    base: NDArray[np.float32]
    in_tail: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        columns: UserColumns,
        known: Histories,
        valid: Interactions,
        base: NDArray[np.float32],
        in_tail: NDArray[np.bool_],
        seed: int,
    ) -> HiddenHistories:
        """Return as many users, drawn evenly, as the choice has time for."""
        n_items = len(base)
        took = Histories.from_interactions(valid)
        values = columns.of_users(known.user_ids)
        users = np.flatnonzero((np.diff(took.offsets) > 0) & (np.diff(values.offsets) > 0))
        most = max(MOST_SCORES // n_items, 100)
        if len(users) > most:
            users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
        past = excluded_keys(known.take(users), n_items)
        targets = np.setdiff1d(excluded_keys(took.take(users), n_items), past, assume_unique=True)
        return cls(values.take(users), past, targets, base, in_tail)

    def measured(
        self, columns: UserColumns, strengths: tuple[float, ...]
    ) -> Iterator[tuple[float, Figures]]:
        """Yield each strength with NDCG@10 in the whole catalog and in the tail, by user."""
        n_users, n_items = len(self.values), len(self.base)
        lifts = columns.lifts
        shape = (len(lifts.base), n_items)
        extra = sp.csr_matrix((lifts.extra, lifts.items, lifts.indptr), shape=shape)
        weights = value_matrix(columns, self.values).astype(np.float32)
        lists = {strength: np.full((2, n_users, K), -1, np.int64) for strength in strengths}
        step = max(SCORES_AT_ONCE // n_items, 1)
        for start in range(0, n_users, step):
            stop = min(start + step, n_users)
            part = weights[start:stop]
            lift = (part @ extra).toarray() + (part @ lifts.base)[:, None]
            for strength, rows in lists.items():
                scores = (self.base + np.float32(strength) * lift).astype(np.float32)
                for pool, mask in enumerate((np.empty(0, np.bool_), self.in_tail)):
                    best = np.empty((stop - start, K), np.float32)
                    best_of_rows(scores, K, mask, self.past, start, rows[pool, start:stop], best)
        for strength, (overall, tail) in lists.items():
            of_tail = self.targets[self.in_tail[self.targets % n_items]]
            yield (
                strength,
                {
                    "ndcg": _ndcg(overall, self.targets, n_items),
                    "tail": _ndcg(tail, of_tail, n_items),
                },
            )


def _ndcg(rows: NDArray[np.int64], targets: NDArray[np.int64], n_items: int) -> NDArray[np.float64]:
    """Return NDCG@K of each user's rows [m, K], NaN without a target."""
    keys = np.arange(len(rows))[:, None] * n_items + rows
    hit = np.isin(keys, targets) & (rows >= 0)
    discount = 1.0 / np.log2(np.arange(K) + 2.0)
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    sizes = np.bincount(targets // n_items, minlength=len(rows))
    return np.asarray((hit * discount).sum(axis=1) / ideal[np.minimum(sizes, K)])


def value_matrix(columns: UserColumns, values: UserValues) -> sp.csr_matrix:
    """Return the weights of users' values, [n_users, n_values]."""
    weights = columns.lift(values).weights.astype(np.float64)
    shape = (len(values), columns.schema.n_values)
    return sp.csr_matrix((weights, values.codes, values.offsets), shape=shape)
