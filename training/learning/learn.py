"""A run learns the log as it is now, and serves what it learned if that is no worse."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from longtail.evaluation.report.numbers import probability, share
from longtail.index.errors import Field, LongtailError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import VALID, Interactions
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.errors import BundleError, DataError
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.catalog_state import CatalogState
from longtail.retrieval.run.index_build import restructured
from longtail.retrieval.run.lease import changing
from longtail.retrieval.run.served_run import ServedRun, open_run
from longtail.training.evidence.fit_evidence import FittedEvidence
from longtail.training.learning.calibration import DUE_SHARE, recalibrated
from longtail.training.learning.comparison import Moved, compare
from longtail.training.learning.logs import held_events
from longtail.training.learning.newest import Newest, newest_events
from longtail.training.refit_engine import refit_engine
from longtail.training.repeatable import repeatable
from longtail.training.settings import TrainingSettings

UNSEEN_BY_HEAD = "unseen_by_head"


class LearnedWorseError(LongtailError):
    """What was learned is significantly worse on the newest events, so it isn't served."""

    def __init__(self, run: Path, moved: tuple[Moved, ...]) -> None:
        self.moved = moved
        worse = ", ".join(
            f"{m.metric} {share(m.before)} to {share(m.after)}, p {probability(m.p)}"
            for m in moved
            if m.worse
        )
        super().__init__(
            f"the refitted engine is significantly worse on the newest events ({worse}), so {run} "
            "serves what it did; train anew, or publish it all the same with ",
            Field("force"),
        )


@dataclass(frozen=True)
class LearnedRun:
    """What was published, and what moved.

    Attributes:
        served: the run as it is served now.
        version: the name of its index version.
        moved: figures on the newest events, before they were learned; empty where the served
            engine had seen them all.
        before: popularity as it was served before.
        events, unseen: events that were learned, and how many of them the served engine had not.
        calibrated: whether the head's calibration was refitted.
        seconds: what all took.
    """

    served: ServedRun
    version: str
    moved: tuple[Moved, ...]
    before: Popularity
    events: int
    unseen: int
    calibrated: bool
    seconds: float


@repeatable()
def learn_run(
    run: Path,
    log: Interactions,
    *,
    served: ServedRun | None = None,
    fresh_sequences: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> LearnedRun:
    """Learn a log, whose items are rows of the served catalog, and serve what was learned.

    Everything that comes from the log is refitted with the dials of the training (`refit_engine`);
    text encoder, item tower and the relevance head's scorers stay; its calibration is fitted again
    when enough is new to it (`recalibrated`). Of a log with parts the test part is stored, unread,
    as in training. Sequence towers go on from where they were, unless ``fresh_sequences``: then
    each is fitted anew for the epochs that training found.

    ``served`` is the run with changes that shall be published in the same step (new items); None:
    as it is served. ``force`` publishes what is worse, too.

    Raises:
        LearnedWorseError: see there; nothing has changed.
        DataError: the log has no event to learn.
        BundleError: the run was trained with settings that are unknown here.
        LockedIndexError: another process is writing into the run.
        DiskFullError: the disk ran out; what was served before still is.
    """
    began = time.monotonic()
    with changing(run):
        served = open_run(run) if served is None else served
        settings = _settings(served.trained)
        learned = _taught(log)
        if not len(learned.taken()):
            raise DataError("the log has no event to learn; check its split and label columns")
        seen = held_events(learned, _taught(served.bundle.log))
        job = _Job(served, settings, not fresh_sequences, progress)
        unseen = int((~seen).sum())
        of_head = unseen + _unseen_by_head(served.trained)
        moved: tuple[Moved, ...] = ()
        head = served.bundle.relevance
        cut = job.newest(learned, seen)
        if cut is not None:
            refitted = job.refitted(cut.before)
            moved = compare(RankingPipeline(served.bundle, served.index), refitted, cut, progress)
            if any(m.worse for m in moved) and not force:
                raise LearnedWorseError(run, moved)
            if of_head >= DUE_SHARE * len(learned):
                head = job.calibrated(learned, cut, refitted)
        calibrated = head is not served.bundle.relevance
        engine = job.refitted(learned)
        about = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "events": len(learned),
            "unseen": unseen,
            UNSEEN_BY_HEAD: 0 if calibrated else of_head,
            "moved": [vars(m) for m in moved],
        }
        bundle = replace(engine.bundle, relevance=head, log=log)
        now = _published(served, engine, bundle, about)
        now, version = now.save_learned(run)
    return LearnedRun(
        served=now,
        version=version,
        moved=moved,
        before=served.bundle.popularity,
        events=len(learned),
        unseen=unseen,
        calibrated=calibrated,
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True)
class _Job:
    served: ServedRun
    settings: TrainingSettings
    warm: bool
    progress: Progress

    def newest(self, log: Interactions, seen: NDArray[np.bool_] | None) -> Newest | None:
        """Return the log cut at its newest events, or at those that aren't ``seen``."""
        settings = self.settings
        return newest_events(log, seen, max_users=settings.relevance.max_users, seed=settings.seed)

    def calibrated(
        self, log: Interactions, cut: Newest, refitted: RankingPipeline
    ) -> RelevanceHead:
        """Return the head calibrated on the newest tenth, by an engine that hasn't learned it.

        ``refitted`` hasn't learned the newest events of the ``cut``.
        """
        tenth = self.newest(log, None)
        head = self.served.bundle.relevance
        if tenth is None:
            return head
        if not np.array_equal(cut.part, tenth.part):
            refitted = self.refitted(tenth.before, warm=False)
        return recalibrated(refitted, tenth, head, seed=self.settings.seed)

    def refitted(self, log: Interactions, *, warm: bool = True) -> RankingPipeline:
        """Return the served engine as this log tells it.

        Not ``warm``: the sequence towers know nothing but this log.
        """
        bundle = self.served.bundle
        fitted = FittedEvidence(bundle.evidence_models, bundle.summary.get("evidence") or {})
        engine = refit_engine(
            bundle,
            self.served.index,
            fitted,
            log,
            self.settings,
            self.progress,
            warm=warm and self.warm,
        )
        # A catalog that has outgrown a kind of evidence keeps what there was: the head reads it.
        before, models = bundle.evidence_models, engine.bundle.evidence_models
        models = replace(
            models,
            item_weights={**before.item_weights, **models.item_weights},
            sequences={**before.sequences, **models.sequences},
        )
        return replace(engine, bundle=replace(engine.bundle, evidence_models=models))


def _published(
    served: ServedRun, engine: RankingPipeline, bundle: Bundle, about: dict[str, object]
) -> ServedRun:
    """Return the run over a catalog that is, from now on, the learned one."""
    catalog, popularity = served.bundle.catalog, bundle.popularity
    n_items = len(catalog)
    state = CatalogState(
        trained_row=np.arange(n_items, dtype=np.int64),
        counts=popularity.counts,
        bucket=popularity.bucket,
        removed=served.state.removed,
        changed=np.zeros(n_items, bool),
        items=catalog.frame.iloc[:0],
        scale=popularity.scale,
        quarantined=served.state.quarantined,
    )
    learned = replace(
        bundle,
        catalog=Catalog(catalog.frame, catalog.template, own_names=catalog.own_names),
        summary={**served.trained.summary, "learned": about},
        learned=None,
    )
    index = restructured(bundle, served.index, engine.index)
    return ServedRun.of(learned, index, state)


def _unseen_by_head(trained: Bundle) -> int:
    """Return how many events earlier learnings have added since the head was fitted."""
    return int((trained.summary.get("learned") or {}).get(UNSEEN_BY_HEAD, 0))


def _taught(log: Interactions) -> Interactions:
    """Return the events of a run's log that its evidence or its head was fitted on."""
    return log if log.part is None else log.select(log.part <= VALID)


def _settings(trained: Bundle) -> TrainingSettings:
    try:
        return TrainingSettings(**trained.config)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(
            f"the run was trained with a setting that this longtail doesn't take ({where}: "
            f"{first['msg']}); train it again with `longtail train`"
        ) from error
