"""The whole way from data to a run folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.splits import Split
from index.files import publish_folder
from index.store import save_index
from index.vector_index import VectorIndex
from retrieval.bundle import Bundle, write_bundle
from retrieval.catalog import Catalog
from retrieval.embedding import embed_texts, text_blocks
from retrieval.errors import DataError
from retrieval.index_build import build_index, check_structure
from retrieval.interactions import TRAIN, VALID, Histories, Interactions
from retrieval.popularity import Popularity
from retrieval.progress import Progress, silent
from retrieval.ranking import Ranking
from retrieval.relevance import RelevanceHead
from retrieval.sources import Sources
from retrieval.towers.item_tower import ItemTower
from retrieval.towers.text_pieces import TextPieces, join_pieces
from retrieval.towers.whitening import fit_partial_whitening
from training.examples import NextItemExamples, taken_matrix
from training.head import fit_relevance_head
from training.reading import choose_reading
from training.repeatable import repeatable
from training.settings import TrainingSettings
from training.sources import fit_sources, refit_sources
from training.stages import Stages, training_device
from training.user_towers import new_user_tower
from training.validation import ValidationSet
from training.work import prepare_work_folder

logger = logging.getLogger("longtail.training")


@dataclass(frozen=True)
class Trained:
    """A finished training: the bundle as written, and where."""

    bundle: Bundle
    run: Path


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
) -> Trained:
    """Train on the train part, choose on the valid part, and write the run folder with its index.

    The same data, settings and number of threads give the same bits. The test part goes into the
    stored log, unread. Nothing is at ``out`` until all is done;
    after an interruption ``resume`` goes on from the last checkpoint. ``vector_cache`` is a folder
    that keeps the vectors of texts for trainings to come; without one they go with the work.

    Raises:
        DataError: fewer than two items, no user with two training events, or none with both
            training and validation events.
        ResumeError: see `prepare_work_folder`.
        ModelNotFoundError: the text encoder can't be found.
        BackendError, ParityError: the backend that was named can't be used for it.
        VectorIndexError: the index setting ``structure`` is none that FAISS knows.
        DiskFullError: the disk ran out; the work so far stays for ``resume``.
    """
    if len(catalog) < 2:
        raise DataError("the catalog holds one item; there is nothing to choose between")
    split = with_validation(split, settings.seed)
    histories = Histories.from_interactions(split.train)
    examples = NextItemExamples.from_histories(histories, settings.user_tower.max_history)
    if len(examples) == 0:
        raise DataError(
            "no user has two training events, so there is no next item to learn from; "
            "check the user_id column and the split with `longtail data describe`"
        )
    if len(_validation_users(split)) == 0:
        raise DataError(
            "no user has both training and validation events, so the relevance head has nothing "
            "to learn from; check the split with `longtail data describe`"
        )
    torch.manual_seed(settings.seed)
    item_tower = ItemTower.from_pretrained(
        settings.item_tower.encoder, settings.item_tower.max_tokens
    )
    check_structure(settings.index.structure, item_tower.dim)
    work = prepare_work_folder(out, catalog, split, settings, resume=resume)
    item_tower = item_tower.to(training_device())
    texts: list[TextPieces] = []
    long_texts = settings.item_tower.long_texts
    reading = choose_reading(item_tower, catalog, settings, work)
    read = embed_texts(
        item_tower,
        reading.backend,
        _kept(text_blocks(item_tower, catalog.texts, len(catalog), long_texts), texts),
        len(catalog),
        vector_cache or work / "vectors",
        progress=progress,
    )
    pooled = read.all()
    item_tower.set_whitening(fit_partial_whitening(pooled, settings.item_tower.whitening_power))
    popularity = Popularity.from_counts(
        split.train.user_counts(len(catalog)), catalog.item_ids, settings.data.bucket_rule
    )
    taken = taken_matrix(histories, len(catalog))
    progress("history offsets in closed form", 0, 1)
    user_tower = new_user_tower(
        settings.user_tower, item_tower, item_tower.project_all(pooled), taken
    )
    progress("history offsets in closed form", 1, 1)
    stages = Stages(
        item_tower=item_tower,
        user_tower=user_tower,
        texts=join_pieces(texts),
        pooled=pooled,
        reading=reading,
        popularity=popularity,
        examples=examples,
        taken=taken,
        validation=ValidationSet.from_split(
            histories,
            split.valid,
            popularity,
            max_users=settings.selection.max_users,
            seed=settings.seed,
        ),
        settings=settings,
        work=work,
        resume=resume,
        progress=progress,
    )
    serving = stages.run()
    bundle = Bundle(
        catalog=catalog,
        popularity=popularity,
        log=replace(split.interactions, part=split.part),
        # Back from wherever the trainer put them: retrieval reads on the CPU.
        item_tower=item_tower.cpu().eval(),
        user_tower=user_tower.cpu().eval(),
        relevance=RelevanceHead(),
        sources=Sources(),
        serving=serving,
        split_kind=split.kind,
        config=asdict(settings),
        summary={
            "stages": stages.reports,
            "notes": list(split.warnings),
            "text_backend": stages.reading.report(),
            "texts": {"longer": read.longer, "max_tokens": item_tower.max_tokens},
        },
    )
    vectors = bundle.item_tower.project_all(stages.pooled)
    index = build_index(bundle, vectors, settings.index)
    fitted = fit_sources(
        histories, taken, vectors, popularity.counts, stages.validation, settings, progress
    )
    bundle = replace(bundle, sources=fitted.sources)
    bundle = _with_relevance_head(bundle, index, split, settings, progress)
    if settings.refit:
        before_test = split.interactions.select(split.part <= VALID)
        more = Histories.from_interactions(before_test)
        fitted = refit_sources(
            fitted,
            more,
            taken_matrix(more, len(catalog)),
            vectors,
            before_test.user_counts(len(catalog)),
            settings,
            progress,
        )
    summary = {**bundle.summary, "evidence": fitted.report}
    bundle = replace(bundle, sources=fitted.sources, summary=summary)
    with publish_folder(out) as folder:
        write_bundle(bundle, folder)
        save_index(index, folder / "index")
    shutil.rmtree(work)
    return Trained(bundle, out)


def with_validation(split: Split, seed: int) -> Split:
    """Return the split; one without validation events gets some out of its train part.

    The last training event of every tenth user who has three or more becomes a validation
    event. Settings chosen on nothing would be guesses.
    """
    if len(split.valid.taken()):
        return split
    part, label = split.part.copy(), split.interactions.label
    train = np.flatnonzero((part == TRAIN) & (True if label is None else label == 1))
    user = split.interactions.user[train]
    last = train[np.append(user[1:] != user[:-1], True)] if len(train) else train
    enough = np.bincount(user, minlength=len(split.interactions.user_ids)) >= 3
    last = last[enough[split.interactions.user[last]]]
    chosen = np.random.default_rng(seed).permutation(last)[: max(1, len(last) // 10)]
    part[chosen] = VALID
    note = f"no validation part: the last training events of {len(chosen)} users were taken as one"
    return replace(
        split,
        interactions=replace(split.interactions, part=part),
        warnings=(*split.warnings, note),
    )


def _kept(blocks: Iterable[TextPieces], kept: list[TextPieces]) -> Iterator[TextPieces]:
    """Yield the blocks, and keep them for stages that read the texts themselves."""
    for block in blocks:
        kept.append(block)
        yield block


def _with_relevance_head(
    bundle: Bundle,
    index: VectorIndex,
    split: Split,
    settings: TrainingSettings,
    progress: Progress,
) -> Bundle:
    """Return the bundle with a head fitted on its validation users."""
    known = Histories.from_interactions(split.train)
    valid = Histories.from_interactions(split.valid)
    rejected = _rejected(split)
    users = _validation_users(split)
    counts = settings.relevance.counts
    with_counts = bundle.log.has_clock if counts == "auto" else bool(counts)
    fitted = fit_relevance_head(
        Ranking(bundle, index),
        known.take(users),
        valid.take(users),
        rejected.take(users),
        settings.relevance,
        counts=with_counts,
        seed=settings.seed,
        progress=progress,
    )
    summary = {**bundle.summary, "relevance": {**fitted.report, "counts": with_counts}}
    serving = replace(bundle.serving, debias=fitted.debias)
    return replace(bundle, relevance=fitted.head, serving=serving, summary=summary)


def _validation_users(split: Split) -> NDArray[np.int64]:
    """Return the positions of users with both training and validation events."""
    n_users = len(split.interactions.user_ids)
    counts = [np.bincount(p.taken().user, minlength=n_users) for p in (split.train, split.valid)]
    return np.flatnonzero((counts[0] > 0) & (counts[1] > 0))


def _rejected(split: Split) -> Histories:
    """Return what each user was shown and rejected before the test part."""
    log: Interactions = split.interactions.select(split.part <= VALID).rejected()
    return Histories.from_interactions(replace(log, label=None))
