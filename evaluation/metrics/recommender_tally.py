"""Everything that is summed for one recommender at one strength, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.accuracy import (
    ACCURACY,
    PerUser,
    TargetRanks,
    mrr,
    ndcg,
    recall,
    target_ranks,
)
from longtail.evaluation.metrics.exposure import coverage, exposure_counts, list_mean, novelty
from longtail.evaluation.metrics.history_parts import history_parts
from longtail.evaluation.metrics.per_user import UserRows
from longtail.evaluation.metrics.tally import (
    BAND_NAMES,
    ExposureTally,
    ItemTally,
    MeanTally,
    band_of,
)
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import HEAD, POOL_NAMES, TAIL, Pool, Popularity


class RecommenderTally:
    """Takes in the lists of some users after the other and gives every metric at the end.

    ``by_history``: whether users with a history and users without one are measured apart too.
    """

    def __init__(
        self,
        name: str,
        ks: Sequence[int],
        pools: Sequence[Pool],
        popularity: Popularity,
        *,
        by_history: bool = False,
    ) -> None:
        self.name = name
        self._ks = ks
        self._pools = pools
        self._popularity = popularity
        self._by_history = by_history
        n_items = len(popularity.counts)
        self._means, self._bands = MeanTally(), MeanTally()
        self._by_item = ItemTally(ks, n_items)
        self._exposure = ExposureTally(ks, popularity)
        self._in_tail = (popularity.bucket != HEAD).astype(np.float32)
        self._shown_in_pool = {
            (pool, k): np.zeros(n_items, np.int64) for pool in pools if pool != "all" for k in ks
        }

    def add(
        self,
        pool: Pool,
        answers: NDArray[np.int64],
        histories: Histories,
        user: NDArray[np.int64],
        item: NDArray[np.int64],
        *,
        users: UserRows,
        start: int,
    ) -> None:
        """Take in the lists of a chunk in one pool.

        ``user`` and ``item`` [p] are the chunk's targets; ``start`` is where the chunk lies in
        ``users``, which gets its rows.
        """
        ranks = target_ranks(answers, user, item)
        users.start(self.name)
        if pool == "all":
            self._add_accuracy(ranks, item)
            self._add_bands(ranks, item)
            self._add_lists(answers)
            self._by_item.add(ranks, item)
            self._exposure.add(answers, histories)
            users.add_overall(start, ranks, item, answers)
            if self._by_history:
                self._add_parts(ranks, item, histories)
        else:
            inside = ranks.select(self._popularity.in_pool(pool)[item])
            self._add_pool(pool, inside)
            users.add_pool(start, pool, inside)
            if self._by_history:
                for k in self._ks:
                    self._add_part_means(f"{pool}_pool_recall@{k}", recall(inside, k), histories)
            for k in self._ks:
                shown = exposure_counts(answers, k, len(self._popularity.counts))
                self._shown_in_pool[pool, k] += shown

    def metrics(self) -> dict[str, float]:
        """Return every metric of everything that was added."""
        metrics = self._means.means()
        if "all" in self._pools:
            metrics |= {f"item_recall@{k}": self._by_item.recall(k) for k in self._ks}
            for code, name in enumerate(POOL_NAMES):
                inside = self._popularity.bucket == code
                for k in self._ks:
                    metrics[f"{name}_item_recall@{k}"] = self._by_item.recall(k, inside)
            metrics |= self._exposure.metrics()
        for (pool, k), shown in self._shown_in_pool.items():
            metrics[f"{pool}_pool_coverage@{k}"] = coverage(shown[self._popularity.in_pool(pool)])
        return metrics

    def bands(self) -> dict[str, dict[str, float]]:
        """Return band of training counts -> ``targets`` and recall at every k."""
        counts = self._bands.counts()
        bands: dict[str, dict[str, float]] = {}
        for key, value in self._bands.means().items():
            name, metric = key.split("|")
            column = f"{name}|recall_micro@{self._ks[0]}"
            bands.setdefault(name, {"targets": float(counts[column])})[metric] = value
        return bands

    def _add_accuracy(self, ranks: TargetRanks, item: NDArray[np.int64]) -> None:
        for k in self._ks:
            for name, metric in ACCURACY.items():
                self._means.add(f"{name}@{k}", metric(ranks, k))
            self._means.add(f"recall_micro@{k}", ranks.rank < k)
        for code, name in enumerate(POOL_NAMES):
            inside = ranks.select(self._popularity.bucket[item] == code)
            for k in self._ks:
                self._means.add(f"{name}_recall@{k}", recall(inside, k))
                self._means.add(f"{name}_recall_micro@{k}", inside.rank < k)
                self._means.add(f"{name}_ndcg@{k}", ndcg(inside, k))
                self._means.add(f"{name}_mrr@{k}", mrr(inside, k))

    def _add_pool(self, pool: Pool, inside: TargetRanks) -> None:
        for k in self._ks:
            self._means.add(f"{pool}_pool_recall@{k}", recall(inside, k))
            self._means.add(f"{pool}_pool_recall_micro@{k}", inside.rank < k)
            self._means.add(f"{pool}_pool_ndcg@{k}", ndcg(inside, k))

    def _add_parts(self, ranks: TargetRanks, item: NDArray[np.int64], histories: Histories) -> None:
        in_tail = ranks.select(self._popularity.bucket[item] == TAIL)
        for k in self._ks:
            self._add_part_means(f"recall@{k}", recall(ranks, k), histories)
            self._add_part_means(f"ndcg@{k}", ndcg(ranks, k), histories)
            self._add_part_means(f"tail_recall@{k}", recall(in_tail, k), histories)

    def _add_part_means(self, name: str, values: PerUser, histories: Histories) -> None:
        for part, inside in history_parts(np.diff(histories.offsets)).items():
            self._means.add(f"{part}_{name}", np.where(inside, values, np.nan))

    def _add_lists(self, answers: NDArray[np.int64]) -> None:
        self._means.add("answered", np.asarray((answers >= 0).any(axis=1)))
        for k in self._ks:
            percentile = list_mean(answers, self._popularity.percentile, k)
            self._means.add(f"popularity_percentile@{k}", percentile)
            self._means.add(f"tail_share@{k}", list_mean(answers, self._in_tail, k))
            self._means.add(f"novelty@{k}", novelty(answers, self._popularity.log_p, k))

    def _add_bands(self, ranks: TargetRanks, item: NDArray[np.int64]) -> None:
        band = band_of(self._popularity.counts[item])
        for code, name in enumerate(BAND_NAMES):
            inside = ranks.select(band == code)
            for k in self._ks:
                self._bands.add(f"{name}|recall@{k}", recall(inside, k))
                self._bands.add(f"{name}|recall_micro@{k}", inside.rank < k)
