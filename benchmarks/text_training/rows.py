"""The rows of the fine-tuning benchmark: each trains one way and hands back its tower."""

from __future__ import annotations

import os

# Before anything imports the hub's client: the trainer's model card asks it for the base model
# and waits minutes where there is no way there.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER, resolve_encoder
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape
from longtail.retrieval.towers.whitening import fit_partial_whitening
from longtail.training.losses.logq import expected_draws
from longtail.training.losses.loss_settings import LossSettings
from longtail.training.repeatable import repeatable
from longtail.training.stages.stage_settings import TextStageSettings
from longtail.training.stages.text_stage import start_from_frozen_states
from longtail.training.towers.two_tower import TextTraining, TwoTower
from longtail.training.trainer.batches import ContrastiveCollator
from longtail.training.trainer.examples import NextItemExamples, taken_matrix
from longtail.training.trainer.trainer import StageContext, run_stage

MAX_TOKENS = 96
# The scale of sentence-transformers' loss is 20; both sides train and are measured at it.
TEMPERATURE = 0.05
BATCH_MEASURED = 64
# Chosen on held-out pairs of scientific_unisrec: batches of 32, twice the rates, four layers and
# no dropout came out no better.
FAST = TextStageSettings(
    epochs=1,
    batch_size=16,
    uniform_negatives=0,
    trainable_layers=2,
    text_encoder_lr=2e-4,
    item_linear_lr=2e-4,
    # The temperature stays where it is.
    offsets_lr=0.0,
    user_tower_lr=0.0,
    evaluations_per_epoch=1.0,
    least_gain=0.0,
)


@dataclass(frozen=True)
class Pairs:
    """(item, the one taken next) pairs.

    Attributes:
        histories: each pair as a history of two items.
    """

    histories: Histories

    @classmethod
    def of(cls, histories: Histories, rng: np.random.Generator, count: int) -> Pairs:
        """Return so many of the histories' neighbours, drawn evenly and without repetition."""
        examples = NextItemExamples.from_histories(histories, 1)
        windows = examples.windows(rng.permutation(len(examples))[:count])
        return cls(Histories.from_lists(windows[:, ::-1].tolist()))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.histories)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Catalog rows of the first and the second item, int64 [n, 2]."""
        return self.histories.items.reshape(-1, 2).astype(np.int64)


def contrastive_figures(tower: ItemTower, catalog: Catalog, pairs: Pairs) -> dict[str, float]:
    """Return mean loss and accuracy of the second item among those of its batch.

    Second copies of the target are left out.
    """
    items = np.unique(pairs.rows)
    vectors = np.zeros((len(catalog), tower.dim), np.float32)
    vectors[items] = tower.encode(catalog.texts(items))
    losses, hits = [], []
    for start in range(0, pairs.count - BATCH_MEASURED + 1, BATCH_MEASURED):
        rows = pairs.rows[start : start + BATCH_MEASURED]
        cosines = vectors[rows[:, 0]].astype(np.float64) @ vectors[rows[:, 1]].T
        same = rows[:, 1][:, None] == rows[:, 1]
        logits = np.where(same & ~np.eye(len(rows), dtype=bool), -np.inf, cosines / TEMPERATURE)
        shifted = logits - logits.max(1, keepdims=True)
        losses.append(np.log(np.exp(shifted).sum(1)) - np.diag(shifted))
        hits.append(np.diag(shifted) == 0)
    return {"held_out_loss": float(np.mean(losses)), "held_out_accuracy": float(np.mean(hits))}


def sentence_transformers_row(
    catalog: Catalog, pairs: Pairs, seed: int, *, batch_size: int | None = None
) -> dict[str, Any]:
    """Return what `SentenceTransformerTrainer` with `MultipleNegativesRankingLoss` does.

    Everything but the batch size is the library's default: all layers train, batches of 8, AdamW
    at 5e-5 that falls linearly, dropout as in the model's configuration.
    """
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    model = SentenceTransformer(
        str(resolve_encoder(DEFAULT_ENCODER).location),
        device="cuda" if torch.cuda.is_available() else "cpu",
        local_files_only=True,
    )
    model.max_seq_length = MAX_TOKENS
    texts = np.array(catalog.texts(), dtype=object)
    data = Dataset.from_dict(
        {"anchor": texts[pairs.rows[:, 0]], "positive": texts[pairs.rows[:, 1]]}
    )
    with tempfile.TemporaryDirectory() as folder:
        size = {} if batch_size is None else {"per_device_train_batch_size": batch_size}
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
            use_cpu=not torch.cuda.is_available(),
            **size,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=data,
            loss=MultipleNegativesRankingLoss(model),
        )
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, MAX_TOKENS)
    tower.text_encoder.load_state_dict(model[0].state_dict())
    lengths = tower.tokenise(list(texts)).lengths
    return {
        "batch_size": arguments.per_device_train_batch_size,
        "step_seconds": seconds,
        "preparation_seconds": 0.0,
        "products": products(float(lengths[pairs.rows].sum()), 6, 6, tower.dim_pooled),
        "tower": tower,
    }


@repeatable()
def ours(catalog: Catalog, pairs: Pairs, seed: int, stage: TextStageSettings) -> dict[str, Any]:
    """Return what the engine's text stage does with the same pairs: `run_stage`, not a copy of it.

    A pair is a history of one item and its next. The user tower is the item's own vector: no
    offsets, no stack. Negatives are the batch's other targets.
    """
    torch.manual_seed(seed)
    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, MAX_TOKENS)
    tower.to("cuda" if torch.cuda.is_available() else "cpu")
    tokens = tower.tokenise(catalog.texts())
    began = time.perf_counter()
    pooled = encode_pooled(TorchBackend(tower), tokens)
    tower.set_whitening(fit_partial_whitening(pooled))
    read = time.perf_counter() - began
    examples = NextItemExamples.from_histories(pairs.histories, 1)
    counts = np.bincount(pairs.rows[:, 1], minlength=len(catalog))
    model = TwoTower(
        tower,
        VectorUserTower(VectorUserTowerShape(tower.dim, max_history=1, layers=0)),
        tokens,
        pooled,
        Popularity.from_counts(counts, catalog.item_ids, "items:0.2"),
        expected_draws(
            torch.from_numpy(counts / counts.sum()).float().clamp(min=1e-9),
            stage.batch_size,
            stage.uniform_negatives,
            len(catalog),
        ),
        # At strength 1 with the batch's own targets alone, the correction would teach the most
        # probable item; 0 is the plain softmax of the batch up to a constant.
        LossSettings(temperature=TEMPERATURE, logq_strength=0.0),
        TextTraining.of(stage),
    )
    collator = ContrastiveCollator(
        examples,
        taken_matrix(pairs.histories, len(catalog)),
        uniform_negatives=stage.uniform_negatives,
        shuffled_share=0.0,
        history_dropout=0.0,
        seed=seed,
    )
    marks: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        start_from_frozen_states(model, stage, len(examples), Path(folder))
        prepared = time.perf_counter() - began
        began = time.perf_counter()
        run_stage(
            "text",
            model,
            collator,
            stage,
            StageContext(
                Path(folder),
                seed=seed,
                progress=lambda _name, done, _total: marks.update({done: time.perf_counter()}),
            ),
            balance=lambda: {"balance": 1.0 + len(marks)},
            refresh=lambda: None,
        )
    steps = max(marks)
    moving = stage.trainable_layers if stage.trainable_layers >= 0 else 6
    forward = moving if model.reading.starts_from_states else 6
    # Texts of pairs, read or not: what is read once for two pairs is the row's gain.
    total = float(tokens.lengths[pairs.rows].sum())
    return {
        "batch_size": stage.batch_size,
        "settings": stage.model_dump(),
        # From before the first step, the trainer's own preparation included, as with the other.
        "step_seconds": marks[steps] - began,
        "preparation_seconds": prepared,
        "whitening_seconds": read,
        "products": products(total, forward, moving, tower.dim_pooled),
        "tower": tower,
    }


def products(tokens: float, forward: float, backward: float, width: int) -> float:
    """Return the operations of the matrix products over tokens through so many layers.

    A layer multiplies a token with 12 squares of the width, 4 in attention and 8 in the
    feed-forward part; an operation is a multiplication or an addition. Backward is twice forward.
    """
    return 2 * 12 * width**2 * tokens * (forward + 2 * backward)
