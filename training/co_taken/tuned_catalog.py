"""A catalog as its item tower reads it, before and after that has a tuned one beside it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.progress import Progress
from longtail.retrieval.towers.backends.choice import Choice
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.paired_item_tower import PairedItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.text_pieces import TextPieces
from longtail.training.co_taken.content_measure import ContentMeasure
from longtail.training.co_taken.tune_item_tower import Tuned, tune_item_tower
from longtail.training.encoder_backend import renewed
from longtail.training.processes import Processes
from longtail.training.settings import TrainingSettings


@dataclass(frozen=True)
class ReadCatalog:
    """The item tower and what it made of the catalog.

    Attributes:
        texts: all n of them, as the tower reads them.
        pooled: its vectors before the linear layer, float32 [n, dim_pooled].
        reading: the backend that read them; None in all processes but the first.
    """

    item_tower: ItemTower
    texts: TextPieces
    pooled: NDArray[np.float32]
    reading: Choice | None


def with_tuned_tower(
    read: ReadCatalog,
    histories: Histories,
    content: ContentMeasure,
    settings: TrainingSettings,
    *,
    work: Path,
    progress: Progress,
    processes: Processes,
) -> tuple[ReadCatalog, dict[str, Any]]:
    """Return the catalog read by both towers where tuning paid, and the stage's report.

    The first process tunes; the others only get a tower of the same shape, whose weights are for
    the caller to send.
    """
    tuned = Tuned(None, {})
    if processes.first:
        tokens = read.texts.beginnings()
        # What is drawn afterwards doesn't hang on whether the tower was tuned.
        with torch.random.fork_rng():
            tuned = tune_item_tower(
                read.item_tower,
                read.pooled,
                tokens,
                histories,
                content,
                settings.co_taken,
                seed=settings.seed,
                work=work,
                progress=progress,
            )
    share = processes.tell(tuned.tower and float(tuned.tower.tuned_share))
    if share is None:
        return read, tuned.report
    if tuned.tower is None or read.reading is None:
        pair = PairedItemTower(read.item_tower, copy.deepcopy(read.item_tower), share)
        pair.requires_grad_(False)
        return replace(read, item_tower=pair, pooled=np.tile(read.pooled, 2)), tuned.report
    reading = renewed(read.reading, tuned.tower.tuned, read.texts.tokens)
    pieces = encode_pooled(reading.backend, read.texts.tokens, progress=progress)
    pooled = np.concatenate([read.pooled, read.texts.average(pieces)], axis=1)
    return replace(read, item_tower=tuned.tower, pooled=pooled, reading=reading), tuned.report
