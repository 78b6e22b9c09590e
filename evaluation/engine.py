"""The trained engine as one more recommender of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.report.report import ExampleItem, ExampleUser
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import POOL_NAMES, Pool
from longtail.retrieval.features.relevance_head import probability
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH, RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Rerank


@dataclass(frozen=True)
class EngineRecommender:
    """The engine at some debias strengths; answers as the Retriever gives them."""

    ranking: RankingPipeline
    strengths: tuple[float, ...]

    name = "longtail"

    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
        """Return catalog rows, best first, padded with -1, int64 [len(histories), k], of each."""
        answers = {
            (debias, pool): np.empty((len(histories), k), np.int64)
            for debias in self.strengths
            for pool in pools
        }
        for start in range(0, len(histories), USERS_PER_BATCH):
            part = histories.take(np.arange(start, min(start + USERS_PER_BATCH, len(histories))))
            user_state = self.ranking.user_state(part, self.ranking.user_values(part.user_ids))
            reranks = [Rerank("fixed", debias) for debias in self.strengths]
            for pool in pools:
                lists = self.ranking.rank(user_state, k, reranks, Eligible(pool, part.not_again()))
                for rerank, ranked in zip(reranks, lists, strict=True):
                    answers[rerank.debias, pool][start : start + len(part)] = ranked.rows
        return answers


def head_calibration(
    ranking: RankingPipeline,
    known: Histories,
    targets: Histories,
    *,
    k: int,
    max_users: int,
    seed: int,
) -> Calibration | None:
    """Return how true the relevance head is on test users: their candidates, taken or not.

    Overall, and for the candidates of each pool. ``known`` and ``targets`` belong to the same
    users. None when no candidate was taken.
    """
    users = np.flatnonzero((np.diff(known.offsets) > 0) & (np.diff(targets.offsets) > 0))
    if len(users) > max_users:
        users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
    value, label, bucket = [], [], []
    for start in range(0, len(users), USERS_PER_BATCH):
        part = users[start : start + USERS_PER_BATCH]
        histories, taken = known.take(part), targets.take(part)
        user_state = ranking.user_state(histories, ranking.user_values(histories.user_ids))
        rows = ranking.candidates(user_state, k, Eligible("all", histories.not_again()))
        relevance = probability(ranking.logits(user_state, rows))
        hits = np.stack([np.isin(rows[i], taken[i]) for i in range(len(part))])
        present = rows >= 0
        value.append(relevance[present])
        label.append(hits[present])
        bucket.append(ranking.bundle.popularity.bucket[rows[present]])
    if not label or not np.concatenate(label).any():
        return None
    return Calibration.measure(
        np.concatenate(value),
        np.concatenate(label).astype(np.int8),
        part=np.concatenate(bucket),
        part_names=POOL_NAMES,
    )


def example_users(
    ranking: RankingPipeline,
    known: Histories,
    targets: Histories,
    *,
    debias: float,
    count: int,
    k: int,
    seed: int,
) -> list[ExampleUser]:
    """Return users drawn evenly from those with a history of three or more items and a target."""
    sizes = np.diff(known.offsets)
    users = np.flatnonzero((sizes >= 3) & (np.diff(targets.offsets) > 0))
    users = np.random.default_rng(seed).permutation(users)[:count].astype(np.int64)
    histories = known.take(users)
    lists = EngineRecommender(ranking, tuple({0.0, debias})).answers(histories, k, ("all",))
    before, after = lists[0.0, "all"], lists[debias, "all"]
    examples = []
    for i, user in enumerate(users):
        taken = set(targets[int(user)].tolist())

        def items(rows: NDArray[np.integer], taken: set[int] = taken) -> list[ExampleItem]:
            return [_item(ranking, int(row), int(row) in taken) for row in rows if row >= 0]

        examples.append(
            ExampleUser(
                user_id=str(histories.user_ids[i]),
                history=items(histories[i][-8:], set()),
                before=items(before[i]),
                after=items(after[i]),
            )
        )
    return examples


def _item(ranking: RankingPipeline, row: int, taken: bool) -> ExampleItem:
    catalog, popularity = ranking.bundle.catalog, ranking.bundle.popularity
    return ExampleItem(
        title=str(catalog.frame["title"].iloc[row]),
        bucket=POOL_NAMES[popularity.bucket[row]],
        popularity_percentile=float(popularity.percentile[row]),
        taken=taken,
    )
