"""What rankings find of targets by how often these were taken in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.baselines.text.content import ContentKNN
from longtail.evaluation.metrics.accuracy import ndcg, recall, target_ranks
from longtail.evaluation.targets import Targets
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST
from longtail.retrieval.data.popularity import COLD, HEAD, Popularity
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH, RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.retrieval.run.bundle import Bundle

K = 10
EVENTS = {
    "0": (0, 0),
    "1-4": (1, 4),
    "5-9": (5, 9),
    "10-19": (10, 19),
    "20-49": (20, 49),
    "50+": (50, 10**9),
}
# Lists of some users' best rows among the allowed ones, int64 [m, K], -1 padded.
Ranking = Callable[[Histories, NDArray[np.bool_]], NDArray[np.int64]]
PerUser = NDArray[np.float64]


@dataclass(frozen=True)
class Questions:
    """Users with a history and what they took in the test part.

    Attributes:
        histories: of these users, without the test part.
        targets: numbered by them.
        popularity: of the train part.
    """

    histories: Histories
    targets: Targets
    popularity: Popularity

    @classmethod
    def of(cls, bundle: Bundle, most_users: int) -> Questions:
        """Return the questions of a run's own test part, for at most so many users."""
        log = bundle.log
        assert log.part is not None
        known = Histories.from_interactions(log.select(log.part < TEST))
        found = Targets.from_test(log.select(log.part == TEST), known, len(bundle.catalog))
        asked = found.users[np.diff(known.offsets)[found.users] > 0]
        if len(asked) > most_users:
            drawn = np.random.default_rng(0).choice(asked, most_users, replace=False)
            asked = np.sort(drawn)
        owner = found.users[found.user]
        kept = np.isin(owner, asked)
        targets = Targets(asked, np.searchsorted(asked, owner[kept]), found.item[kept])
        return cls(known.take(asked), targets, bundle.popularity)


def of_vectors(vectors: NDArray[np.float32], bundle: Bundle) -> Ranking:
    """Return the ranking by the cosine with the history, newest items first."""
    content = ContentKNN(vectors).fit(bundle.log, bundle.catalog)

    def ranked(histories: Histories, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        lists = np.full((len(histories), K), -1, np.int64)
        for start in range(0, len(histories), USERS_PER_BATCH):
            part = histories.take(np.arange(start, min(start + USERS_PER_BATCH, len(histories))))
            scores = content.scores(part)
            scores[:, ~allowed] = -np.inf
            owner = np.repeat(np.arange(len(part)), np.diff(part.offsets))
            scores[owner, part.items] = -np.inf
            best = np.argpartition(-scores, K, axis=1)[:, :K]
            value = np.take_along_axis(scores, best, axis=1)
            order = np.argsort(-value, axis=1, kind="stable")
            rows = np.take_along_axis(np.where(np.isfinite(value), best, -1), order, axis=1)
            lists[start : start + len(part)] = rows
        return lists

    return ranked


def of_engine(ranking: RankingPipeline) -> Ranking:
    """Return the engine's lists at debias 0."""

    def ranked(histories: Histories, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        lists = np.full((len(histories), K), -1, np.int64)
        for start in range(0, len(histories), USERS_PER_BATCH):
            part = histories.take(np.arange(start, min(start + USERS_PER_BATCH, len(histories))))
            state = ranking.user_state(part, ranking.user_values(part.user_ids))
            [answers] = ranking.rank(state, K, [Rerank()], Eligible("all", part, allowed))
            lists[start : start + len(part)] = answers.rows
        return lists

    return ranked


def measured(ranking: Ranking, questions: Questions) -> dict[str, PerUser]:
    """Return every figure user by user, NaN where a user has no such target, float64 [m] each.

    R, N; R of tail and cold targets and of each number of events in the whole catalog; and in the
    pool of the tail, and of the items with as many events.
    """
    popularity, item = questions.popularity, questions.targets.item
    bucket, counts = popularity.bucket, popularity.counts
    everything = np.ones(len(counts), bool)
    whole = ranking(questions.histories, everything)
    figures = {
        "R": _recall(whole, questions, everything),
        "N": ndcg(target_ranks(whole, questions.targets.user, item), K),
        "tail R": _recall(whole, questions, bucket != HEAD),
        "cold R": _recall(whole, questions, bucket == COLD),
    }
    pools = {"tail-pool R": bucket != HEAD}
    for name, (least, most) in EVENTS.items():
        of_bucket = (counts >= least) & (counts <= most)
        figures[f"{name} events"] = _recall(whole, questions, of_bucket)
        pools[f"{name} events, own pool"] = of_bucket
    for name, pool in pools.items():
        figures[name] = _in_pool(ranking, questions, pool)
    return figures


def difference(ours: PerUser, other: PerUser) -> dict[str, float]:
    """Return the mean difference over users who have both figures, and its standard error."""
    both = (ours - other)[~np.isnan(ours)]
    if len(both) < 2:
        return {}
    error = float(both.std(ddof=1) / len(both) ** 0.5)
    return {"difference": float(both.mean()), "error": error}


def means(figures: Mapping[str, PerUser]) -> dict[str, float]:
    """Return the mean of every figure over the users who have it."""
    return {
        name: float(np.nanmean(values))
        for name, values in figures.items()
        if not np.isnan(values).all()
    }


def _recall(lists: NDArray[np.int64], questions: Questions, of_items: NDArray[np.bool_]) -> PerUser:
    """Return each user's recall of the targets that are such items, NaN without any."""
    targets = questions.targets
    kept = of_items[targets.item]
    ranks = target_ranks(lists, targets.user[kept], targets.item[kept])
    return np.asarray(recall(ranks, K), np.float64)


def _in_pool(ranking: Ranking, questions: Questions, pool: NDArray[np.bool_]) -> PerUser:
    """Return each user's recall of the pool's targets where the pool alone is ranked."""
    wanted = np.unique(questions.targets.user[pool[questions.targets.item]])
    lists = np.full((len(questions.histories), K), -1, np.int64)
    if len(wanted):
        lists[wanted] = ranking(questions.histories.take(wanted), pool)
    return _recall(lists, questions, pool)
