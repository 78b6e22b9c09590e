"""The item tower with a tuned one beside it, where that is worth something on validation."""

from __future__ import annotations

import copy
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.progress import Progress
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.paired_item_tower import PairedItemTower
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.co_taken.co_taken_rows import CoTakenRows
from longtail.training.co_taken.co_taken_settings import CoTakenSettings
from longtail.training.co_taken.content_measure import ContentMeasure
from longtail.training.co_taken.course import Course
from longtail.training.co_taken.fit_text_tower import CoTakenTraining, Epoch
from longtail.training.towers.bfloat16 import uses_bfloat16
from longtail.training.towers.frozen_layers import LayerStack
from longtail.training.towers.text_encoding import TextEncoding
from longtail.training.validation import ValidationMeasure

logger = logging.getLogger("longtail.training")

# Its name in reports.
STAGE = "co_taken"

# Of the tuned vectors beside the pretrained ones.
SHARES = (0.25, 0.5, 0.75)
# With fewer texts that say different things there is nothing to tell apart.
FEWEST_TEXTS = 50


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        tower: both towers as one; None: the pretrained one stays alone.
        report: of the stage, ready for JSON.
    """

    tower: PairedItemTower | None
    report: dict[str, Any]


def left_out(reason: str) -> dict[str, Any]:
    """Return the report of a stage that there is no training for."""
    return {"stage": STAGE, "kept": False, "left_out": reason}


def reason_to_leave_out(
    tower: ItemTower, tokens: TokenTable, rows: CoTakenRows, stage: CoTakenSettings
) -> str | None:
    """Return why there is nothing to tune, or None."""
    if not stage.trainable_layers:
        return "co_taken.trainable_layers is 0, so no layer trains"
    if not LayerStack.of(tower.text_encoder).layers and stage.trainable_layers > 0:
        return "the text encoder has no list of layers, so its last ones can't be told"
    distinct = len({tokens[row].tobytes() for row in rows.taught().tolist()})
    if distinct < FEWEST_TEXTS:
        return (
            f"{distinct} different texts were taken together with others, and under "
            f"{FEWEST_TEXTS} teach nothing"
        )
    return None


def tune_item_tower(
    tower: ItemTower,
    pooled: NDArray[np.float32],
    tokens: TokenTable,
    histories: Histories,
    content: ContentMeasure,
    stage: CoTakenSettings,
    *,
    seed: int,
    work: Path,
    progress: Progress,
) -> Tuned:
    """Return the tower with one beside it that learned whom each item is taken with.

    ``pooled`` float32 [n, dim] are the whitened ``tower``'s vectors before its linear layer.
    The epoch, and what share the tuned vectors have, are those of the best balance on
    validation, by the vectors and log p alone; without a gain of ``stage.least_gain`` nothing is
    kept. ``work`` keeps each epoch's state: what lies there of the same training is gone on from.
    """
    rows = CoTakenRows.of(histories, len(pooled))
    reason = reason_to_leave_out(tower, tokens, rows, stage)
    if reason is not None:
        logger.warning("stage %s is left out: %s", STAGE, reason)
        return Tuned(None, left_out(reason))
    pretrained = tower.project_all(pooled)
    before = content.of(pretrained)
    tuned = copy.deepcopy(tower)
    reading = _reading(tuned, tokens, stage, work, progress)
    training = CoTakenTraining(tuned, reading, pretrained, rows, _course(stage, seed))

    def judge() -> dict[str, float]:
        vectors = tuned.project_all(reading.catalog(progress))
        beside = content.beside(pretrained, vectors, SHARES)
        share = max(beside, key=lambda s: beside[s].balance)
        return {"tuned_share": share, **_plain(beside[share])}

    def enough(epochs: list[Epoch]) -> bool:
        balances = [before.balance, *(epoch.measures["balance"] for epoch in epochs)]
        return len(epochs) - int(np.argmax(balances)) >= stage.patience

    epochs = training.run(work / "epochs", judge, enough=enough, progress=progress)
    best = max(epochs, key=lambda epoch: epoch.measures["balance"])
    kept = best.measures["balance"] > (1 + stage.least_gain) * before.balance
    training.restore(work / "epochs", best.number)
    report = {
        "stage": STAGE,
        "kept": kept,
        "before": _plain(before),
        "after": best.measures if kept else _plain(before),
        "evaluations": [_plain(before), *(epoch.measures for epoch in epochs)],
        "epochs": [_course_of(epoch) for epoch in epochs],
        "temperature": best.temperature,
        "seconds": round(sum(epoch.seconds for epoch in epochs), 1),
    }
    if not kept:
        logger.warning("stage %s brought no gain on validation and is undone", STAGE)
        return Tuned(None, report)
    pair = PairedItemTower(tower, tuned, best.measures["tuned_share"])
    # It's done: the stages that follow train the user's side.
    return Tuned(pair.requires_grad_(False), report)


def _course(stage: CoTakenSettings, seed: int) -> Course:
    return Course(
        epochs=stage.epochs,
        texts_per_step=stage.batch_size,
        drawn_candidates=stage.uniform_negatives,
        bfloat16=uses_bfloat16(stage.bf16),
        trainable_layers=stage.trainable_layers,
        encoder_lr=stage.encoder_lr,
        linear_lr=stage.linear_lr,
        warmup_share=stage.warmup_share,
        weight_decay=stage.weight_decay,
        seed=seed,
    )


def _reading(
    tower: ItemTower, tokens: TokenTable, stage: CoTakenSettings, work: Path, progress: Progress
) -> TextEncoding:
    """Return what reads texts with gradients, from the frozen layers' states where it can."""
    reading = TextEncoding(
        tower,
        tokens,
        tokens_per_pass=stage.tokens_per_pass,
        gradient_cache=stage.gradient_cache,
    )
    reading.start_above_frozen(
        stage.trainable_layers, stage.frozen_states_gb, work, progress=progress
    )
    return reading


def _plain(measures: ValidationMeasure) -> dict[str, float]:
    return {**asdict(measures), "balance": measures.balance}


def _course_of(epoch: Epoch) -> dict[str, float]:
    return {"loss": epoch.loss, "temperature": epoch.temperature, "seconds": epoch.seconds}
