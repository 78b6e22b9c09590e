"""One line a recommender and user: what paired tests and closer looks start from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.evaluation.metrics.accuracy import ACCURACY, PerUser, TargetRanks, ndcg, recall
from longtail.evaluation.metrics.exposure import list_mean
from longtail.evaluation.targets import Targets
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import HEAD, POOL_NAMES, Pool, Popularity


class UserRows:
    """Collects the values of every user at one k, about 70 bytes a line.

    Call `start` before each recommender's chunks; chunks are given by the position of their first
    user in ``Targets.users``.
    """

    def __init__(
        self,
        fixed: dict[str, NDArray[np.int32]],
        user_ids: NDArray[np.object_],
        popularity: Popularity,
        k: int,
    ) -> None:
        self._fixed = fixed
        self._user_ids = user_ids
        self._popularity = popularity
        self._in_tail = (popularity.bucket != HEAD).astype(np.float32)
        self._k = k
        self._columns: dict[str, dict[str, NDArray[np.float32]]] = {}
        self._current: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def of(cls, targets: Targets, known: Histories, popularity: Popularity, k: int) -> UserRows:
        """Return rows for these users, with what is the same for every recommender filled in."""
        n_users = len(targets.users)
        bucket = popularity.bucket[targets.item]
        fixed = {"n_targets": np.bincount(targets.user, minlength=n_users).astype(np.int32)}
        for code, name in enumerate(POOL_NAMES):
            in_pool = np.bincount(targets.user[bucket == code], minlength=n_users)
            fixed[f"n_{name}"] = in_pool.astype(np.int32)
        fixed["history_length"] = np.diff(known.offsets)[targets.users].astype(np.int32)
        return cls(fixed, known.user_ids[targets.users], popularity, k)

    def start(self, recommender: str) -> None:
        """Begin the rows of the next recommender."""
        self._current = self._columns.setdefault(recommender, {})

    def add_overall(
        self,
        start: int,
        ranks: TargetRanks,
        item: NDArray[np.int64],
        answers: NDArray[np.int64],
    ) -> None:
        """Write a chunk that was ranked in the whole catalog."""
        k = self._k
        for name, metric in ACCURACY.items():
            self._write(start, f"{name}@{k}", metric(ranks, k))
        bucket = self._popularity.bucket[item]
        for code, name in enumerate(POOL_NAMES):
            inside = ranks.select(bucket == code)
            self._write(start, f"{name}_recall@{k}", recall(inside, k))
        percentile = list_mean(answers, self._popularity.percentile, k)
        self._write(start, f"popularity_percentile@{k}", percentile)
        self._write(start, f"tail_share@{k}", list_mean(answers, self._in_tail, k))

    def add_pool(self, start: int, pool: Pool, inside: TargetRanks) -> None:
        """Write a chunk that was ranked in a pool; ``inside`` holds the pool's targets."""
        self._write(start, f"{pool}_pool_recall@{self._k}", recall(inside, self._k))
        self._write(start, f"{pool}_pool_ndcg@{self._k}", ndcg(inside, self._k))

    def frame(self) -> pd.DataFrame:
        """Return the table: recommender, user_id, counts, then values; NaN where none apply."""
        names = list(self._columns)
        n_users = len(self._user_ids)
        recommender = np.repeat(np.arange(len(names), dtype=np.int16), n_users)
        table: dict[str, object] = {
            "recommender": pd.Categorical.from_codes(recommender, categories=pd.Index(names)),
            "user_id": pd.Categorical.from_codes(
                np.tile(np.arange(n_users, dtype=np.int32), len(names)),
                categories=pd.Index(self._user_ids.astype(str)),
            ),
        }
        for column, values in self._fixed.items():
            table[column] = np.tile(values, len(names))
        for column in self._columns[names[0]]:
            table[column] = np.concatenate([self._columns[name][column] for name in names])
        return pd.DataFrame(table)

    def _write(self, start: int, column: str, values: PerUser) -> None:
        if column not in self._current:
            self._current[column] = np.full(len(self._user_ids), np.nan, np.float32)
        self._current[column][start : start + len(values)] = values
