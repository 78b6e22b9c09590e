"""Full-ranking evaluation of recommenders on one test part, streamed in chunks of users.

Every recommender ranks the whole catalog (or pool) for every test user; no negatives are sampled
(sampled metrics order methods wrongly: Krichene and Rendle, On Sampled Metrics for Item
Recommendation, 2020). Between chunks only sums are kept, and one line a user of `per_user`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.exposure import coverage, exposure_counts, list_mean, novelty
from evaluation.metrics import ACCURACY, TargetRanks, ndcg, recall, target_ranks
from evaluation.protocol import Recommender, check_answers
from evaluation.results import Evaluation
from evaluation.tally import BAND_NAMES, ExposureTally, ItemTally, MeanTally, band_of
from evaluation.targets import Targets
from evaluation.users import UserRows
from retrieval.interactions import Histories, Interactions
from retrieval.popularity import BUCKETS, HEAD, POOLS, Pool, Popularity
from retrieval.progress import Progress, silent


def evaluate(
    recommenders: Sequence[Recommender],
    test: Interactions,
    known: Histories,
    popularity: Popularity,
    *,
    ks: Sequence[int] = (5, 10, 20, 50, 100),
    pools: Sequence[Pool] = ("all", "tail"),
    chunk_users: int = 512,
    progress: Progress = silent,
) -> Evaluation:
    """Return every metric of every recommender, over all test users with a new item to find.

    ``known`` holds all that is known before the test part (train and valid), aligned with
    ``test.user_ids``; ``popularity`` is counted in the training part alone. Users for whom a
    recommender has no answer count as 0. The first k of tables is 10, or the smallest of ``ks``.

    Raises:
        EvaluationError: no recommender, two of one name, no targets, or histories of other users.
        RecommenderError: an answer breaks the contract.
    """
    names = [recommender.name for recommender in recommenders]
    cut_offs = sorted(set(ks))
    if not names or len(set(names)) < len(names):
        raise EvaluationError(
            f"recommenders to evaluate: {', '.join(names) or 'none'}; give at least one, and each "
            "a name of its own"
        )
    if not cut_offs or cut_offs[0] < 1 or chunk_users < 1:
        raise EvaluationError(
            f"k {list(ks)} with chunks of {chunk_users} users; give at least one k, all from 1 up"
        )
    unknown = sorted(set(pools) - set(POOLS))
    if unknown or not pools:
        raise EvaluationError(
            f"pools {', '.join(unknown) or 'none'}: choose from {', '.join(POOLS)}"
        )
    targets = Targets.from_test(test, known, len(popularity.counts))
    job = _Job(
        targets=targets,
        known=known,
        popularity=popularity,
        ks=cut_offs,
        pools=list(dict.fromkeys(pools)),
        chunk_users=chunk_users,
        primary_k=10 if 10 in cut_offs else cut_offs[0],
    )
    users = UserRows.of(targets, known, popularity, job.primary_k)
    metrics: dict[str, dict[str, float]] = {}
    bands: dict[str, dict[str, dict[str, float]]] = {}
    seconds: dict[str, float] = {}
    for recommender in recommenders:
        began = time.perf_counter()
        users.start(recommender.name)
        metrics[recommender.name], bands[recommender.name] = job.run(recommender, users, progress)
        seconds[recommender.name] = time.perf_counter() - began
    return Evaluation(metrics, bands, users.frame(), job.settings(), seconds, job.primary_k)


@dataclass(frozen=True)
class _Job:
    """What is the same for every recommender of one evaluation."""

    targets: Targets
    known: Histories
    popularity: Popularity
    ks: list[int]
    pools: list[Pool]
    chunk_users: int
    primary_k: int

    def run(
        self, recommender: Recommender, users: UserRows, progress: Progress
    ) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
        """Return one recommender's metrics and its recall by band; write its users' rows."""
        n_items, n_users = len(self.popularity.counts), len(self.targets.users)
        means, by_item, by_band = MeanTally(), ItemTally(self.ks, n_items), MeanTally()
        exposure = ExposureTally(self.ks, self.popularity)
        shown_in_pool = {
            (pool, k): np.zeros(n_items, np.int64)
            for pool in self.pools
            if pool != "all"
            for k in self.ks
        }
        step = f"evaluating {recommender.name}"
        progress(step, 0, n_users)
        for start in range(0, n_users, self.chunk_users):
            stop = min(start + self.chunk_users, n_users)
            histories = self.known.take(self.targets.users[start:stop])
            pairs = self.targets.between(start, stop)
            user, item = self.targets.user[pairs] - start, self.targets.item[pairs]
            for pool in self.pools:
                in_pool = self.popularity.in_pool(pool)
                answers = recommender.top(histories, self.ks[-1], pool)
                check_answers(recommender.name, answers, histories, self.ks[-1], in_pool)
                found = target_ranks(answers, user, item)
                if pool == "all":
                    self._add_accuracy(means, found, item)
                    self._add_bands(by_band, found, item)
                    self._add_lists(means, answers)
                    by_item.add(found, item)
                    exposure.add(answers, histories)
                    users.add_overall(start, found, item, answers)
                else:
                    inside = found.select(in_pool[item])
                    self._add_pool(means, pool, inside)
                    users.add_pool(start, pool, inside)
                    for k in self.ks:
                        shown_in_pool[pool, k] += exposure_counts(answers, k, n_items)
            progress(step, stop, n_users)
        found_metrics = means.means()
        if "all" in self.pools:
            found_metrics |= {f"item_recall@{k}": by_item.recall(k) for k in self.ks}
            found_metrics |= exposure.metrics()
        for (pool, k), shown in shown_in_pool.items():
            found_metrics[f"{pool}_pool_coverage@{k}"] = coverage(
                shown[self.popularity.in_pool(pool)]
            )
        return found_metrics, self._bands(by_band)

    def settings(self) -> dict[str, object]:
        """Return what was evaluated on what, ready for JSON."""
        bucket = self.popularity.bucket[self.targets.item]
        lengths = np.diff(self.known.offsets)[self.targets.users]
        return {
            "k": self.ks,
            "pools": list(self.pools),
            "ranking": "full catalog, known items left out, no sampled negatives",
            "bucket_rule": self.popularity.rule,
            "items": {"all": len(self.popularity.counts), **self.popularity.sizes()},
            "users": len(self.targets.users),
            "users_without_history": int((lengths == 0).sum()),
            "targets": {
                "all": len(bucket),
                **{name: int((bucket == code).sum()) for code, name in enumerate(BUCKETS)},
            },
            "chunk_users": self.chunk_users,
        }

    def _add_accuracy(self, means: MeanTally, found: TargetRanks, item: NDArray[np.int64]) -> None:
        for k in self.ks:
            for name, metric in ACCURACY.items():
                means.add(f"{name}@{k}", metric(found, k))
            means.add(f"recall_micro@{k}", found.rank < k)
        for code, name in enumerate(BUCKETS):
            inside = found.select(self.popularity.bucket[item] == code)
            for k in self.ks:
                means.add(f"{name}_recall@{k}", recall(inside, k))
                means.add(f"{name}_recall_micro@{k}", inside.rank < k)

    def _add_pool(self, means: MeanTally, pool: Pool, inside: TargetRanks) -> None:
        for k in self.ks:
            means.add(f"{pool}_pool_recall@{k}", recall(inside, k))
            means.add(f"{pool}_pool_recall_micro@{k}", inside.rank < k)
            means.add(f"{pool}_pool_ndcg@{k}", ndcg(inside, k))

    def _add_lists(self, means: MeanTally, answers: NDArray[np.int64]) -> None:
        in_tail = (self.popularity.bucket != HEAD).astype(np.float32)
        means.add("answered", np.asarray((answers >= 0).any(axis=1)))
        for k in self.ks:
            percentile = list_mean(answers, self.popularity.percentile, k)
            means.add(f"popularity_percentile@{k}", percentile)
            means.add(f"tail_share@{k}", list_mean(answers, in_tail, k))
            means.add(f"novelty@{k}", novelty(answers, self.popularity.log_p, k))

    def _add_bands(self, tally: MeanTally, found: TargetRanks, item: NDArray[np.int64]) -> None:
        band = band_of(self.popularity.counts[item])
        for code, name in enumerate(BAND_NAMES):
            inside = found.select(band == code)
            for k in self.ks:
                tally.add(f"{name}|recall@{k}", recall(inside, k))
                tally.add(f"{name}|recall_micro@{k}", inside.rank < k)

    def _bands(self, tally: MeanTally) -> dict[str, dict[str, float]]:
        counts = tally.counts()
        bands: dict[str, dict[str, float]] = {}
        for key, value in tally.means().items():
            name, metric = key.split("|")
            own = f"{name}|recall_micro@{self.ks[0]}"
            bands.setdefault(name, {"targets": float(counts[own])})[metric] = value
        return bands
