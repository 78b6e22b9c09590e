"""The whole way from data to a run folder."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.index.files import publish_folder
from longtail.index.storage.store import save_index
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.histories.confidences import confidences
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID
from longtail.retrieval.data.popularity import HEAD
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.run.bundle import Bundle, work_folder, write_bundle
from longtail.retrieval.run.index_build import build_index
from longtail.retrieval.run.late_items import with_cold_lent
from longtail.retrieval.run.lease import training
from longtail.training.evidence.fit_evidence import (
    EventsAndTexts,
    FittedEvidence,
    fit_evidence,
    refit_evidence,
)
from longtail.training.evidence.user_columns.fit_user_columns import (
    fit_user_columns,
    refit_user_columns,
)
from longtail.training.head.head_training import fit_own_head
from longtail.training.head.prior_head import with_prior_head
from longtail.training.head.small_log import better_head, is_small
from longtail.training.item_pace import choose_half_lives
from longtail.training.prepare import prepare_training, with_validation
from longtail.training.processes import ALONE, Processes
from longtail.training.profile import UNMEASURED, Profile
from longtail.training.repeatable import repeatable
from longtail.training.settings import TrainingSettings
from longtail.training.tracking.open_tracker import opened_tracker
from longtail.training.tracking.reported_numbers import flat_settings, numbers_of_summary
from longtail.training.tracking.tracker import Tracker
from longtail.training.trainer.examples import taken_matrix
from longtail.training.validation import ValidationSet

logger = logging.getLogger("longtail.training")


@dataclass(frozen=True)
class Trained:
    """A finished training: the bundle as written, and where."""

    bundle: Bundle
    run: Path


@dataclass(frozen=True)
class _Told:
    """Who is told how the training goes: a person, a profile, a tracker."""

    progress: Progress
    profile: Profile
    tracker: Tracker


@repeatable()
def train_engine(
    catalog: Catalog,
    split: Split,
    settings: TrainingSettings,
    out: Path,
    *,
    resume: bool = False,
    vector_cache: Path | None = None,
    progress: Progress = silent,
    profile: Profile = UNMEASURED,
    processes: Processes = ALONE,
) -> Trained:
    """Train on the train part, choose on the valid part, and write the run folder with its index.

    The same data, settings and number of threads give the same bits. The test part goes into the
    stored log, unread. Nothing is at ``out`` until all is done;
    after an interruption ``resume`` goes on from the last checkpoint. ``vector_cache`` is a folder
    that keeps the vectors of texts for trainings to come; without one they go with the work. Of
    several ``processes`` this is what the first one does, while the others `help_train`.

    Raises:
        DataError: the bucket rule is none.
        ResumeError: see `prepare_work_folder`.
        ModelNotFoundError: the text encoder can't be found, or is none.
        EncoderError: it has less than the settings ask for.
        BackendError, ParityError: the backend that was named can't be used for it.
        VectorIndexError: the index setting ``structure`` is none that FAISS knows.
        TrackerNotInstalledError: the library that ``tracking.tool`` names is absent.
        LeaseError: another process trains into ``out``; or, at the end, a service has the run
            that is there, it holds events, or it has come since. The work stays for ``resume``.
        DiskFullError: the disk ran out; the work so far stays for ``resume``.
    """
    with training(out) as lease, opened_tracker(settings.tracking, out.resolve().name) as tracker:
        out = lease.out  # a link is followed
        tracker.parameters(flat_settings(settings.model_dump()))
        bundle, index = _trained(
            catalog,
            split,
            settings,
            out,
            resume=resume,
            vector_cache=vector_cache,
            told=_Told(progress, profile, tracker),
            processes=processes,
        )
        tracker.metrics(numbers_of_summary(bundle.summary), 0)
        with publish_folder(out, holding=lease.replacing) as folder:
            write_bundle(bundle, folder)
            save_index(index, folder / "index")
        shutil.rmtree(work_folder(out))
    return Trained(bundle, out)


def _trained(
    catalog: Catalog,
    split: Split,
    settings: TrainingSettings,
    out: Path,
    *,
    resume: bool,
    vector_cache: Path | None,
    told: _Told,
    processes: Processes,
) -> tuple[Bundle, VectorIndex]:
    """Return all that `train_engine` publishes."""
    progress, profile = told.progress, told.profile
    split = with_validation(split, settings.seed)
    stages = prepare_training(
        catalog,
        split,
        settings,
        out,
        vector_cache=vector_cache,
        resume=resume,
        progress=progress,
        profile=profile,
        processes=processes,
    )
    stages.tracker = told.tracker
    histories, taken, popularity = stages.examples.histories, stages.taken, stages.popularity
    item_tower, user_tower = stages.item_tower, stages.user_tower
    serving = stages.run()
    assert stages.reading is not None  # this is the first process, which read the texts
    bundle = Bundle(
        catalog=catalog,
        popularity=popularity,
        log=replace(split.interactions, part=split.part),
        # Back from wherever the trainer put them: retrieval reads on the CPU.
        item_tower=item_tower.cpu().eval(),
        user_tower=user_tower.cpu().eval(),
        relevance=RelevanceHead(),
        evidence_models=EvidenceModels(),
        serving=serving,
        split_kind=split.kind,
        config=settings.model_dump(),
        summary={
            "stages": stages.reports,
            "notes": list(split.warnings),
            "text_backend": stages.reading.report(),
            "texts": {"longer": stages.texts.longer, "max_tokens": item_tower.max_tokens},
        },
    )
    if len(stages.validation):
        bundle = _with_clock(bundle, split, settings)
    vectors = bundle.item_tower.project_all(stages.pooled)
    with profile.section("index"):
        index = build_index(bundle, vectors, settings.index)
    of_train = split.interactions.select(split.part == TRAIN)
    amounts = confidences(of_train, len(catalog))
    data = EventsAndTexts(histories, taken, amounts, popularity.counts, vectors, stages.tokens)
    fitted = fit_evidence(data, stages.validation, settings, progress, profile)
    bundle = replace(bundle, evidence_models=fitted.evidence_models)
    if split.users is not None and settings.user_columns.enabled:
        with profile.section("user columns"):
            bundle = _with_user_columns(bundle, split, settings, progress)
    with profile.section("relevance head"):
        bundle = _with_head(bundle, index, fitted, split, stages.validation, settings, progress)
    if settings.refit:
        before_test = split.interactions.select(split.part <= VALID)
        more = Histories.from_interactions(before_test)
        with profile.section("refit"):
            counts = before_test.user_counts(len(catalog))
            data = replace(
                data,
                histories=more,
                taken=taken_matrix(more, len(catalog)),
                amounts=confidences(before_test, len(catalog)),
                counts=counts,
            )
            fitted = refit_evidence(fitted, data, settings, progress)
            models = replace(fitted.evidence_models, last=bundle.evidence_models.last)
            bundle = replace(bundle, evidence_models=models)
            bundle = _lent(bundle, index, counts, settings)
            if bundle.clock is not None:
                half_lives = bundle.clock.half_lives
                clock = ItemClock.of(before_test, len(catalog), half_lives)
                bundle = replace(bundle, clock=clock)
            if bundle.user_columns is not None:
                columns = refit_user_columns(bundle.user_columns, before_test, len(catalog))
                bundle = replace(bundle, user_columns=columns)
    summary = {**bundle.summary, "evidence": fitted.report}
    if measured := profile.report():
        summary["profile"] = measured
    return replace(bundle, summary=summary), index


def _with_head(
    bundle: Bundle,
    index: VectorIndex,
    fitted: FittedEvidence,
    split: Split,
    validation: ValidationSet,
    settings: TrainingSettings,
    progress: Progress,
) -> Bundle:
    """Return the bundle with its head, and with what items without events borrow under it.

    A log of nobody, or that asks nobody for something new, teaches none; one that asks a few has
    to show that its own is better than the one that needs no log.
    """
    counts, small = bundle.popularity.counts, is_small(validation, settings)
    own = None
    if len(validation):
        lent = _lent(bundle, index, counts, settings)
        own = fit_own_head(lent, index, fitted, split, settings, progress)
        if not small:
            return own.bundle
    bundle = replace(bundle, relevance=RelevanceHead(prior=True))
    prior = with_prior_head(_lent(bundle, index, counts, settings))
    return better_head(prior, own, index, split, seed=settings.seed) if own else prior


def _lent(
    bundle: Bundle, index: VectorIndex, counts: NDArray[np.int64], settings: TrainingSettings
) -> Bundle:
    """Return the bundle in which items without events borrow evidence, where the run lends any."""
    return with_cold_lent(bundle, index, counts) if settings.relevance.hidden_parts else bundle


def _with_clock(bundle: Bundle, split: Split, settings: TrainingSettings) -> Bundle:
    """Return the bundle with how lately items were taken at the end of the train part.

    Unchanged where the log's times are no clock, or the parts aren't cut by it.
    """
    if not settings.relevance.clock or not split.is_cut_by_time:
        return bundle
    half_lives, report = choose_half_lives(
        split.train,
        split.valid,
        bundle.popularity,
        max_users=settings.selection.max_users,
        seed=settings.seed,
    )
    clock = ItemClock.of(split.train, len(bundle.catalog), half_lives)
    return replace(bundle, clock=clock, summary={**bundle.summary, "clock": report})


def _with_user_columns(
    bundle: Bundle, split: Split, settings: TrainingSettings, progress: Progress
) -> Bundle:
    """Return the bundle with what the users file says, fitted on the train part."""
    assert split.users is not None
    fitted = fit_user_columns(
        split.users,
        split.train,
        split.valid,
        bundle.popularity.log_p if bundle.clock is None else bundle.clock.log_rate,
        bundle.popularity.bucket != HEAD,
        settings.user_columns,
        seed=settings.seed,
        progress=progress,
    )
    summary = {**bundle.summary, "user_columns": fitted.report}
    return replace(bundle, user_columns=fitted.user_columns, summary=summary)
