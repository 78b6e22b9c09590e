"""The relevance head on the newest events: fitted again as training chose to fit it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.evidence.fit_evidence import FittedEvidence
from longtail.training.head.head_training import with_relevance_head
from longtail.training.learning.calibration import recalibrated
from longtail.training.learning.comparison import Moved, compare
from longtail.training.learning.newest import Newest
from longtail.training.prepare import validation_users
from longtail.training.settings import TrainingSettings

# A head is fitted again when so much of the log is new to it.
DUE_SHARE = 0.05
# Of those who are asked for the newest events the head isn't fitted on so many: they measure it.
MEASURING_SHARE = 0.2


@dataclass(frozen=True)
class NewestHead:
    """A head, how it came about, and what an engine with it moved on the measuring users."""

    head: RelevanceHead
    made: Literal["refitted", "calibrated", "kept"]
    moved: tuple[Moved, ...]


def measuring(cut: Newest, *, seed: int) -> Newest:
    """Return the cut, of which a fifth of the users are asked, at least one."""
    rng = np.random.default_rng(seed)
    size = -(-len(cut.users) // round(1 / MEASURING_SHARE))
    return cut.asking(np.sort(rng.permutation(cut.users)[:size]))


def newest_head(
    served: RankingPipeline,
    refitted: RankingPipeline,
    asked: Newest,
    teaching: tuple[RankingPipeline, Newest],
    settings: TrainingSettings,
    progress: Progress,
) -> NewestHead:
    """Return the better one of two heads: fitted on the newest events, or calibrated on them.

    ``teaching`` is an engine that has not learned the newest events of its cut. Both heads come
    from its users without those of ``asked``, who measure them with the ``refitted`` engine
    beside the ``served`` one.
    """
    ranking, cut = teaching
    others = cut.asking(np.setdiff1d(cut.users, asked.users))
    before = refitted.bundle.relevance
    old = recalibrated(ranking, others, before, seed=settings.seed)
    made: Literal["calibrated", "kept"] = "kept" if old is before else "calibrated"
    results = [NewestHead(old, made, compare(served, _with(refitted, old), asked, progress))]
    new = _fitted(ranking, cut.without_newest_of(asked.users), settings, progress)
    if new is not None and results[0].moved:
        moved = compare(served, _with(refitted, new), asked, progress)
        results.append(NewestHead(new, "refitted", moved))
    return max(reversed(results), key=lambda result: _gain(result.moved))


def _with(ranking: RankingPipeline, head: RelevanceHead) -> RankingPipeline:
    return replace(ranking, bundle=replace(ranking.bundle, relevance=head))


def _gain(moved: tuple[Moved, ...]) -> float:
    """Return by how much figures grew together, as the mean of their logarithms."""
    after = [m.after for m in moved if not np.isnan(m.after)]
    return float(np.mean(np.log(np.maximum(after, 1e-6)))) if after else 0.0


def _fitted(
    ranking: RankingPipeline, log: Interactions, settings: TrainingSettings, progress: Progress
) -> RelevanceHead | None:
    """Return a head fitted on the valid part of a log; None where nobody teaches it.

    Scorer, tail weight, the length of histories and whether counts are seen stay as chosen.
    """
    bundle = ranking.bundle
    chosen: dict[str, Any] = bundle.summary.get("relevance") or {}
    split = Split(log, "given", ())
    if not bundle.relevance.ranks or not chosen or not len(validation_users(split)):
        return None
    settings = settings.changed(
        relevance=settings.relevance.changed(
            scorer=chosen["scorer"],
            tail_weights=(chosen["tail_weight"],),
            counts=bundle.relevance.counts,
            # Earlier moments would cost more than all else, and say what the old head says.
            origins=0,
        ),
        behaviour=settings.behaviour.changed(max_history=bundle.evidence_models.last),
    )
    evidence = FittedEvidence(bundle.evidence_models, bundle.summary.get("evidence") or {})
    return with_relevance_head(bundle, ranking.index, evidence, split, settings, progress).relevance
