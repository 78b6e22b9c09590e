"""What moved: the engine as it is served and the refitted one, on the same newest events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from longtail.evaluation.engine import EngineRecommender
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.learning.newest import Newest

K = 10
METRICS = {"recall": "recall@10", "ndcg": "NDCG@10", "tail_recall": "tail recall@10"}
# One of three figures that are looked at every day would fall below .05 by chance alone too often
# (Bonferroni).
SIGNIFICANT = 0.05 / len(METRICS)


@dataclass(frozen=True)
class _Named(EngineRecommender):
    called: str = ""

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.called


@dataclass(frozen=True)
class Moved:
    """One figure of both engines over the same users.

    Attributes:
        metric: what it is.
        before, after: of the engine as served, and of the refitted one.
        low, high: 95 % interval of the difference.
        p: of the difference, two-sided.
        users: users it was measured on.
    """

    metric: str
    before: float
    after: float
    low: float
    high: float
    p: float
    users: int

    @property
    def worse(self) -> bool:
        """Whether the refitted engine is significantly worse."""
        return self.after < self.before and self.p < SIGNIFICANT


def compare(
    served: RankingPipeline, refitted: RankingPipeline, newest: Newest, progress: Progress
) -> tuple[Moved, ...]:
    """Return what moved; nothing where nobody took an item that was new to them.

    Head and tail are those of the events before, the same for both.
    """
    debias = refitted.bundle.serving.debias
    engines = [
        _Named(ranking, (debias,), called=name)
        for name, ranking in (("as served", served), ("refitted", refitted))
    ]
    try:
        result = evaluate(
            engines,
            newest.window,
            newest.known,
            refitted.bundle.popularity,
            ks=(K,),
            pools=("all",),
            progress=progress,
        )
    except EvaluationError:
        return ()
    names = result.recommenders
    moved = []
    for metric, called in METRICS.items():
        values = [result.user_values(name, metric) for name in names]
        if not all(len(column) for column in values) or np.isnan(values[1] - values[0]).all():
            continue
        tested = paired_bootstrap((values[1] - values[0])[:, None])
        before, after = (float(np.nanmean(column)) for column in values)
        figures = (tested.low[0], tested.high[0], tested.p[0])
        low, high, p = map(float, figures)
        moved.append(Moved(called, before, after, low, high, p, int(tested.users[0])))
    return tuple(moved)
