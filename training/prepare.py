"""From data to stages that are ready to train: what stands before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import Split
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.run.bundle import work_folder
from longtail.retrieval.run.index_build import check_structure
from longtail.retrieval.towers.catalog_encoding import embed_texts, text_blocks
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.text_pieces import TextPieces, join_pieces
from longtail.training.co_taken.content_measure import ContentMeasure
from longtail.training.co_taken.tune_item_tower import left_out
from longtail.training.co_taken.tuned_catalog import ReadCatalog, with_tuned_tower
from longtail.training.encoder_backend import choose_encoder_backend
from longtail.training.processes import Processes
from longtail.training.profile import UNMEASURED, Profile
from longtail.training.repeatable import repeatable
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stages import Stages, training_device
from longtail.training.towers.user_towers import new_user_tower
from longtail.training.trainer.examples import NextItemExamples, taken_matrix
from longtail.training.validation import ValidationSet
from longtail.training.work_folder import prepare_work_folder


@repeatable()
def help_train(
    catalog: Catalog,
    split: Split,
    settings: TrainingSettings,
    out: Path,
    *,
    resume: bool,
    processes: Processes,
) -> None:
    """Train the stages together with the first process, which runs `train_engine`, and end there.

    ``catalog``, ``split`` and ``settings`` are the same as the first process's; of what is on the
    disk only its working folder is read, with ``resume``.

    Raises:
        ProcessLostError: see `joined_processes`.
    """
    prepare_training(
        catalog,
        with_validation(split, settings.seed),
        settings,
        out,
        resume=resume,
        vector_cache=None,
        progress=silent,
        profile=UNMEASURED,
        processes=processes,
    ).train()


def prepare_training(
    catalog: Catalog,
    split: Split,
    settings: TrainingSettings,
    out: Path,
    *,
    resume: bool,
    vector_cache: Path | None,
    progress: Progress,
    profile: Profile,
    processes: Processes,
) -> Stages:
    """Return the stages with both towers before their first step.

    The first process reads the item texts and solves the closed form, and the others get what it
    found. See `train_engine` for what is raised.
    """
    histories = Histories.from_interactions(split.train)
    examples = NextItemExamples.from_histories(histories, settings.user_tower.max_history)
    torch.manual_seed(settings.seed)
    item_tower = ItemTower.from_pretrained(**settings.item_tower.of_encoder())
    tunes = settings.co_taken.epochs > 0 and settings.user_tower.kind == "vectors"
    # A tuned tower's vectors lie beside the pretrained one's.
    for dim in (item_tower.dim, 2 * item_tower.dim)[: 1 + tunes]:
        check_structure(settings.index.structure, dim)
    work = work_folder(out)
    if processes.first:
        prepare_work_folder(out, catalog, split, settings, processes.count, resume=resume)
    item_tower.to(training_device())
    blocks = text_blocks(item_tower, catalog.texts, len(catalog), settings.item_tower.long_texts)
    parts: list[TextPieces] = []
    pooled = np.empty((len(catalog), item_tower.dim_pooled), np.float32)
    reading = None
    if processes.first:
        with profile.section("reading item texts"):
            reading = choose_encoder_backend(item_tower, catalog, settings, work)
            pooled = embed_texts(
                item_tower,
                reading.backend,
                _kept(blocks, parts),
                len(catalog),
                vector_cache or work / "vectors",
                progress=progress,
            ).all()
        whitening = item_tower.whitening_of(pooled, settings.item_tower.whitening_power)
        item_tower.set_whitening(whitening)
    else:
        parts.extend(blocks)
    popularity = Popularity.from_counts(
        split.train.user_counts(len(catalog)), catalog.item_ids, settings.data.bucket_rule
    )
    taken = taken_matrix(histories, len(catalog))
    validation = ValidationSet.from_split(
        histories,
        split.valid,
        popularity,
        max_users=settings.selection.max_users,
        seed=settings.seed,
    )
    read = ReadCatalog(item_tower, join_pieces(parts), pooled, reading)
    reports = []
    untaught = reason_untaught(split, examples, validation, settings.selection.few_targets)
    if settings.co_taken.epochs > 0 and untaught is not None:
        tunes = False
        reports.append(left_out(untaught))
    elif settings.co_taken.epochs > 0 and not tunes:
        reports.append(left_out("the text user tower reads with the item tower's own encoder"))
    if tunes:
        with profile.section("stage co_taken"):
            read, report = with_tuned_tower(
                read,
                histories,
                ContentMeasure(validation, popularity),
                settings,
                work=work / "co_taken",
                progress=progress,
                processes=processes,
            )
        reports.append(report)
    item_tower, pooled = read.item_tower, read.pooled
    progress("history offsets in closed form", 0, 1)
    with profile.section("history offsets"):
        user_tower = new_user_tower(
            settings.user_tower,
            item_tower,
            item_tower.project_all(pooled) if processes.first else None,
            taken,
        )
    progress("history offsets in closed form", 1, 1)
    processes.send_([torch.from_numpy(pooled), *item_tower.state_dict().values()])
    processes.send_(user_tower.state_dict().values())
    return Stages(
        item_tower=item_tower,
        user_tower=user_tower,
        texts=read.texts,
        pooled=pooled,
        reading=read.reading,
        popularity=popularity,
        examples=examples,
        taken=taken,
        validation=validation,
        settings=settings,
        work=work,
        resume=resume,
        progress=progress,
        processes=processes,
        profile=profile,
        reports=reports,
        untaught=untaught,
    )


def reason_untaught(
    split: Split, examples: NextItemExamples, validation: ValidationSet, few_targets: int
) -> str | None:
    """Return why no stage can train, or nothing could say whether it paid; None where it can."""
    if not len(split.interactions):
        return "there is no event to learn from"
    if not len(examples):
        return "no user has two training events, so there is no next item to learn from"
    if not len(validation):
        return "no user took something new in the valid part, so nothing says whether it pays"
    if validation.n_targets < few_targets:
        return (
            f"{validation.n_targets} targets in the valid part are too few to say whether it pays "
            f"(selection.few_targets: {few_targets})"
        )
    return None


def _kept(blocks: Iterable[TextPieces], kept: list[TextPieces]) -> Iterator[TextPieces]:
    """Yield the blocks, and keep them for stages that read the texts themselves."""
    for block in blocks:
        kept.append(block)
        yield block


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
    if not len(last):
        return split
    chosen = np.random.default_rng(seed).permutation(last)[: max(1, len(last) // 10)]
    part[chosen] = VALID
    note = f"no validation part: the last training events of {len(chosen)} users were taken as one"
    return replace(
        split,
        interactions=replace(split.interactions, part=part),
        warnings=(*split.warnings, note),
    )


def validation_users(split: Split) -> NDArray[np.int64]:
    """Return the positions of users with both training and validation events."""
    n_users = len(split.interactions.user_ids)
    counts = [np.bincount(p.taken().user, minlength=n_users) for p in (split.train, split.valid)]
    return np.flatnonzero((counts[0] > 0) & (counts[1] > 0))
