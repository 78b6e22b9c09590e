"""What an engine gives of items that nobody had taken when it was trained, and of all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.evaluation.baselines.text.content import ContentKNN
from longtail.evaluation.engine import EngineRecommender
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.protocol import Recommender, debiased_name
from longtail.evaluation.results import Evaluation
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.jobs.frozen_vectors import frozen_vectors
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, Interactions
from longtail.retrieval.features.relevance_head import probability
from longtail.retrieval.progress import silent
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH
from longtail.retrieval.ranking.retriever import Retriever

K = 10
CANDIDATES = 100
MOST_USERS, MOST_JUDGED = 10_000, 2_000
# Of the users who are asked about late items, and of everybody else.
LATE_METRICS = ("recall", "tail_pool_recall")
REST_METRICS = ("recall", "ndcg", "tail_recall", "cold_recall", "tail_pool_recall")
DEFAULT, PLAIN, TEXTS = "default debias", "debias 0", "texts alone"


@dataclass(frozen=True)
class Engine:
    """An opened run with what its users had taken before the test part.

    Attributes:
        name: what its lists are called beside others'.
        known: histories of the log's users without the test part.
        test: the log's own test part; late items are in neither.
    """

    name: str
    retriever: Retriever
    known: Histories
    test: Interactions

    @classmethod
    def open(cls, run: Path) -> Engine:
        """Return the engine in a run folder.

        Raises:
            LongtailError: it can't be opened.
        """
        return cls.of(Retriever.open(run), run.name)

    @classmethod
    def of(cls, retriever: Retriever, name: str) -> Engine:
        """Return an engine that is open already, or that was never on a disk."""
        log = retriever.bundle.log
        part = np.zeros(len(log), np.int8) if log.part is None else log.part
        there = retriever.bundle.popularity.in_pool("all")[log.item]
        known = Histories.from_interactions(log.select(part != TEST))
        return cls(name, retriever, known, log.select((part == TEST) & there))

    @property
    def strengths(self) -> dict[str, float]:
        """Debias 0 and the run's default, which may be the same."""
        return {PLAIN: 0.0, DEFAULT: float(self.retriever.bundle.serving.debias)}

    def recommender(self) -> EngineRecommender:
        """Return the engine at all of its strengths."""
        strengths = tuple(dict.fromkeys(self.strengths.values()))
        return EngineRecommender(self.retriever.ranking, strengths)

    def texts(self) -> Recommender:
        """Return what reads like the history, newest items first, and nothing else."""
        bundle = self.retriever.bundle
        vectors = frozen_vectors(bundle, self.retriever.ranking.index, silent)
        content = ContentKNN(vectors).fit(bundle.log, bundle.catalog)
        return ScoreRecommender(content, bundle.popularity)

    def evaluated(
        self, test: Interactions, recommenders: Sequence[Recommender], most_users: int
    ) -> Evaluation:
        """Return what is found of a test part, for at most so many users of it, drawn once."""
        users = np.unique(test.taken().user)
        if len(users) > most_users:
            drawn = np.random.default_rng(0).choice(users, most_users, replace=False)
            test = test.select(np.isin(test.user, drawn))
        popularity = self.retriever.bundle.popularity
        return evaluate(recommenders, test, self.known, popularity, ks=(K,))

    def by_strength(self, found: Evaluation, metrics: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the engine's figures at debias 0 and at the default."""
        return {
            label: _figures(found, debiased_name(EngineRecommender.name, debias), metrics)
            for label, debias in self.strengths.items()
        }


def measure_late(engine: Engine, late_events: pd.DataFrame) -> dict[str, object]:
    """Return how much of the late items the users get who took them in the test part.

    ``late_events`` has ``user_id`` and ``item_id``; users without any other item before the test
    part are left out. Recall@10 is that of the late items alone, in the whole catalog and in the
    tail pool, beside texts alone in the same catalog.
    """
    test = _interactions(engine, late_events)
    found = engine.evaluated(test, [engine.recommender(), engine.texts()], MOST_USERS)
    texts = _figures(found, ContentKNN.name, LATE_METRICS)
    return {
        "users": found.settings["users"],
        "targets": found.settings["targets"]["all"],  # type: ignore[index]
        **engine.by_strength(found, LATE_METRICS),
        TEXTS: texts,
        "calibration": calibration(engine, late_events),
    }


def measure_rest(engine: Engine) -> tuple[dict[str, object], Evaluation]:
    """Return the figures of the targets that the engine's log holds, and their evaluation."""
    found = engine.evaluated(engine.test, [engine.recommender()], MOST_USERS)
    figures = engine.by_strength(found, REST_METRICS)
    return {"users": found.settings["users"], **figures}, found


def compare(ours: pd.DataFrame, other: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return mean difference and 95 % interval of each metric at debias 0, user by user.

    Both are the ``per_user`` table of an evaluation; users of both count.
    """
    left, right = (
        table[table["recommender"] == EngineRecommender.name].set_index("user_id")
        for table in (ours, other)
    )
    left.index, right.index = left.index.astype(str), right.index.astype(str)
    right = right.reindex(left.index)
    columns = [f"{metric}@{K}" for metric in REST_METRICS]
    columns = [column for column in columns if column in left and column in right]
    values = left[columns].to_numpy(np.float64) - right[columns].to_numpy(np.float64)
    tested = paired_bootstrap(values, resamples=2_000)
    return {
        column: {
            "difference": float(tested.difference[i]),
            "low": float(tested.low[i]),
            "high": float(tested.high[i]),
        }
        for i, column in enumerate(columns)
        if tested.users[i] > 1
    }


def calibration(engine: Engine, late_events: pd.DataFrame) -> dict[str, float]:
    """Return how true the head is of the late items among users' candidates, taken or not."""
    ranking, n_items = engine.retriever.ranking, len(engine.retriever.bundle.catalog)
    late = np.zeros(n_items, bool)
    events = _interactions(engine, late_events)
    late[engine.retriever.bundle.catalog.rows_of(late_events["item_id"].tolist())] = True
    taken = np.unique(events.user.astype(np.int64) * n_items + events.item)
    users = np.unique(np.concatenate([engine.test.user, events.user])).astype(np.int64)
    users = users[np.diff(engine.known.offsets)[users] > 0]
    if len(users) > MOST_JUDGED:
        users = np.sort(np.random.default_rng(0).choice(users, MOST_JUDGED, replace=False))
    said: list[NDArray[np.float32]] = []
    true: list[NDArray[np.bool_]] = []
    for start in range(0, len(users), USERS_PER_BATCH):
        part = users[start : start + USERS_PER_BATCH]
        histories = engine.known.take(part)
        state = ranking.user_state(histories, ranking.user_values(histories.user_ids))
        rows = ranking.candidates(state, CANDIDATES, Eligible("all", histories))
        relevance = probability(ranking.logits(state, rows))
        judged = (rows >= 0) & late[rows]
        said.append(relevance[judged])
        true.append(np.isin(part[:, None] * n_items + rows, taken)[judged])
    share, hits = np.concatenate(said), np.concatenate(true)
    if not len(share):
        return {"candidates": 0}
    measured = Calibration.measure(share, hits)
    return {
        "candidates": measured.examples,
        "said": measured.mean_probability,
        "taken": measured.positives / measured.examples,
        "error": measured.error,
    }


def _interactions(engine: Engine, events: pd.DataFrame) -> Interactions:
    """Return events by the engine's users and rows; users without a history are left out."""
    position = engine.retriever.position
    found = [position(user) for user in events["user_id"]]
    user = np.array([-1 if place is None else place for place in found], np.int64)
    item = engine.retriever.bundle.catalog.rows_of(events["item_id"].tolist())
    keep = (user >= 0) & (item >= 0)
    keep[keep] = np.diff(engine.known.offsets)[user[keep]] > 0
    order = np.argsort(user[keep], kind="stable")
    n = int(keep.sum())
    return Interactions(
        engine.known.user_ids,
        user[keep][order].astype(np.int32),
        item[keep][order].astype(np.int32),
        np.zeros(n, np.int64),
        False,
    )


def _figures(found: Evaluation, name: str, metrics: Sequence[str]) -> dict[str, float]:
    values = {f"{metric}@{K}": found.value(name, metric) for metric in metrics}
    return {key: float(value) for key, value in values.items() if np.isfinite(value)}


# What a caller may put in the place of `Engine.open`, to measure a changed engine.
Opener = Callable[[Path], Engine]
