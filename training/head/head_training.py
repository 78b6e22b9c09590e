"""The relevance head of a run: whom it learns from, what it may see, how far back it reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.clock.future_filter import counts_are_honest
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import VALID
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.run.bundle import Bundle
from longtail.training.evidence.fit_evidence import FittedEvidence
from longtail.training.head.fit_head import fit_relevance_head
from longtail.training.head.head_examples import HeadExamples, newcomers
from longtail.training.head.history_length import (
    HistoryLength,
    choose_history_length,
    reading,
    reading_ranking,
)
from longtail.training.head.judging.head_report import Measures
from longtail.training.head.rolling_origins import RollingOrigins
from longtail.training.prepare import validation_users
from longtail.training.settings import TrainingSettings


@dataclass(frozen=True)
class OwnHead:
    """A head of a log's own.

    Attributes:
        bundle: the engine with it.
        measures: what it does out of fold, one value a user; the validation users come first.
    """

    bundle: Bundle
    measures: Measures


def validation_examples(ranking: RankingPipeline, split: Split) -> HeadExamples:
    """Return the users with a history in the train part and events in the valid part."""
    users = validation_users(split)
    known = Histories.from_interactions(split.train)
    valid = Histories.from_interactions(split.valid)
    rejected = _rejected(split)
    return HeadExamples(ranking, known.take(users), valid.take(users), rejected.take(users))


def fit_own_head(
    bundle: Bundle,
    index: VectorIndex,
    fitted_evidence: FittedEvidence,
    split: Split,
    settings: TrainingSettings,
    progress: Progress,
) -> OwnHead:
    """Return the bundle with a head fitted on its validation users.

    On a log with a clock, those who come in the valid part and earlier moments of the train part
    are examples too, where the validation users don't teach enough.
    """
    known = Histories.from_interactions(split.train)
    valid = Histories.from_interactions(split.valid)
    rejected = _rejected(split)
    counts = settings.relevance.counts
    future = counts_are_honest(split, len(bundle.catalog))
    honest = bundle.log.has_clock and not future.suspected
    with_counts = honest if counts == "auto" else bool(counts)
    # Which candidates there are depends on whether counts are seen.
    bundle = replace(bundle, relevance=RelevanceHead(counts=with_counts))
    ranking = RankingPipeline(bundle, index)
    known_users = validation_examples(ranking, split)
    arrived = [newcomers(ranking, known, valid, rejected, seed=settings.seed)]
    earlier = settings.relevance.origins > 0 and split.is_cut_by_time
    length = HistoryLength(bundle.evidence_models.last)
    if settings.behaviour.enabled and settings.behaviour.max_history == "auto":
        length = choose_history_length(
            known_users,
            arrived if earlier else [],
            settings.relevance,
            counts=with_counts,
            seed=settings.seed,
        )
        ranking = reading_ranking(ranking, length.items)
        bundle = ranking.bundle
    origins = RollingOrigins(bundle, index, fitted_evidence, split, settings, progress)

    def more() -> list[HeadExamples]:
        return [reading(arrived[0], length.items), *origins.examples()]

    fitted = fit_relevance_head(
        ranking,
        known_users.known,
        known_users.positives,
        known_users.rejected,
        settings.relevance,
        counts=with_counts,
        seed=settings.seed,
        progress=progress,
        more=more if earlier else None,
    )
    report = {**fitted.report, "counts": with_counts, "future_filter": future.report()}
    if origins.report:
        report["rolling_origins"] = origins.report
    if length.report:
        report["history_length"] = length.report
    serving = replace(bundle.serving, debias=fitted.debias)
    summary = {**bundle.summary, "relevance": report}
    bundle = replace(bundle, relevance=fitted.head, serving=serving, summary=summary)
    return OwnHead(bundle, fitted.measures)


def _rejected(split: Split) -> Histories:
    """Return what each user was shown and rejected before the test part."""
    return Histories.of_events(split.interactions.select(split.part <= VALID).refused())
