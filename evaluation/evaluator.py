"""Full-ranking evaluation of recommenders on one test part, streamed in chunks of users.

Every recommender ranks the whole catalog (or pool) for every test user; no negatives are sampled
(sampled metrics order methods wrongly: Krichene and Rendle, On Sampled Metrics for Item
Recommendation, 2020). Between chunks only sums are kept, and one line a user of `per_user`;
recommenders come one after the other, so that no two of them have to be in memory at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from longtail.evaluation.errors import EvaluationError, RecommenderError
from longtail.evaluation.fallback import WithFallback, who_answers
from longtail.evaluation.metrics.per_user import UserRows
from longtail.evaluation.metrics.recommender_tally import RecommenderTally
from longtail.evaluation.protocol import Recommender, check_answers, debiased_name
from longtail.evaluation.results import Evaluation
from longtail.evaluation.targets import Targets
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import POOL_NAMES, POOLS, Pool, Popularity
from longtail.retrieval.progress import Progress, silent


def evaluate(
    recommenders: Iterable[Recommender],
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

    ``recommenders`` may be a generator: each is let go before the next is asked for. ``known``
    holds all that is known before the test part (train and valid), aligned with
    ``test.user_ids``; ``popularity`` is counted in the training part alone. Users for whom a
    recommender has no answer count as 0; `WithFallback` gives a method that reads histories
    another one's lists where there is none. Where some users have a history and some have none,
    both are measured apart too. The first k of tables is 10, or the smallest of ``ks``.
    A recommender's time is shared out evenly among its strengths, which it answers together.

    Raises:
        EvaluationError: no recommender, two of one name, no targets, or histories of other users.
        RecommenderError: an answer breaks the contract.
    """
    cut_offs = sorted(set(ks))
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
    fallbacks: dict[str, str] = {}
    for recommender in recommenders:
        began = time.perf_counter()
        names = [debiased_name(recommender.name, debias) for debias in recommender.strengths]
        _check_names(recommender.name, names, metrics)
        tallies = job.run(recommender, users, progress)
        share_s = (time.perf_counter() - began) / len(tallies)
        for tally in tallies:
            metrics[tally.name], bands[tally.name] = tally.metrics(), tally.bands()
            seconds[tally.name] = share_s
        if isinstance(recommender, WithFallback):
            fallbacks[recommender.name] = recommender.fallback.name
        # The loop's own name would keep it alive while the generator makes the next one.
        del recommender
    if not metrics:
        raise EvaluationError("recommenders to evaluate: none; give at least one")
    protocol = job.settings(fallbacks)
    return Evaluation(metrics, bands, users.frame(), protocol, seconds, job.primary_k)


def _check_names(recommender: str, names: list[str], taken: Iterable[str]) -> None:
    if not names:
        raise EvaluationError(f"{recommender} has no debias strength; give it at least one, or 0")
    twice = [name for name in names if name in set(taken) or names.count(name) > 1]
    if twice:
        raise EvaluationError(
            f"two recommenders to evaluate are called {twice[0]}; give each a name of its own"
        )


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
    ) -> list[RecommenderTally]:
        """Return what one recommender's lists add up to, one tally a strength; write its rows."""
        n_users = len(self.targets.users)
        by_history = 0 < self.without_history < n_users
        tallies = {
            debias: RecommenderTally(
                debiased_name(recommender.name, debias),
                self.ks,
                self.pools,
                self.popularity,
                by_history=by_history,
            )
            for debias in recommender.strengths
        }
        step = f"evaluating {recommender.name}"
        progress(step, 0, n_users)
        for start in range(0, n_users, self.chunk_users):
            stop = min(start + self.chunk_users, n_users)
            histories = self.known.take(self.targets.users[start:stop])
            pairs = self.targets.between(start, stop)
            user, item = self.targets.user[pairs] - start, self.targets.item[pairs]
            lists = recommender.answers(histories, self.ks[-1], self.pools)
            for debias, tally in tallies.items():
                for pool in self.pools:
                    answers = lists.get((debias, pool))
                    if answers is None:
                        raise RecommenderError(
                            f"{tally.name} gave no lists for the pool {pool}; answers() must "
                            "return one array for every (strength, pool)"
                        )
                    in_pool = self.popularity.in_pool(pool)
                    check_answers(tally.name, answers, histories, self.ks[-1], in_pool)
                    tally.add(pool, answers, histories, user, item, users=users, start=start)
            progress(step, stop, n_users)
        return list(tallies.values())

    @property
    def without_history(self) -> int:
        """How many users have an empty known history."""
        return int((np.diff(self.known.offsets)[self.targets.users] == 0).sum())

    def settings(self, fallbacks: dict[str, str]) -> dict[str, object]:
        """Return what was evaluated on what, ready for JSON.

        Who answered users without a history is said where there are any.
        """
        bucket = self.popularity.bucket[self.targets.item]
        n_users, n_without = len(self.targets.users), self.without_history
        answered = {
            "without_history": who_answers(n_users, n_without, fallbacks),
            "fallbacks": fallbacks,
        }
        return {
            "k": self.ks,
            "pools": list(self.pools),
            "ranking": "full catalog, known items left out, no sampled negatives",
            "bucket_rule": self.popularity.rule,
            "items": {"all": len(self.popularity.counts), **self.popularity.sizes()},
            "users": n_users,
            "users_without_history": n_without,
            **(answered if n_without else {}),
            "targets": {
                "all": len(bucket),
                **{name: int((bucket == code).sum()) for code, name in enumerate(POOL_NAMES)},
            },
            "chunk_users": self.chunk_users,
        }
