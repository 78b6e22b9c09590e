"""The stages of training in their order, and what validation says after each."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from retrieval.bundle import Serving
from retrieval.popularity import Popularity
from retrieval.progress import Progress
from retrieval.towers.item_tower import ItemTower
from retrieval.towers.tokens import TokenTable
from retrieval.towers.user_tower import ItemSource, UserTower
from retrieval.towers.vector_user_tower import VectorUserTower
from training.batches import ContrastiveCollator
from training.examples import NextItemExamples
from training.lora import Lora
from training.losses.logq import expected_draws
from training.settings import TrainingSettings
from training.text_stage import add_lora, start_from_frozen_states
from training.trainer import StageSettings, run_stage
from training.two_tower import TwoTower
from training.validation import ValidationMeasure, ValidationSet, measure

logger = logging.getLogger("longtail.training")

Stage = Literal["history", "encoder", "text"]
STAGES: tuple[Stage, ...] = ("history", "encoder", "text")


def training_device() -> torch.device:
    """Return the device that trains: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Stages:
    """One training run's towers, data and results so far.

    ``pooled`` float32 [n, dim] is renewed whenever the text encoder has moved.
    """

    item_tower: ItemTower
    user_tower: UserTower
    tokens: TokenTable
    pooled: NDArray[np.float32]
    popularity: Popularity
    examples: NextItemExamples
    taken: sp.csr_matrix
    validation: ValidationSet
    settings: TrainingSettings
    work: Path
    resume: bool
    progress: Progress
    device: torch.device = field(default_factory=training_device)
    temperature: float = 0.0
    reports: list[dict[str, Any]] = field(default_factory=list)
    # Fingerprint of the tower that read `pooled`.
    _read_by: str = ""

    def run(self) -> Serving:
        """Run every stage that has epochs and return what validation chose."""
        for name in STAGES:
            stage: StageSettings = getattr(self.settings, name)
            if stage.epochs > 0 and self._applies(name):
                self._run_stage(name, stage)
        if self.temperature == 0.0:
            self.temperature = self._model(STAGES[0], self.settings.history).temperature
        return self._choose_serving()

    def _applies(self, name: Stage) -> bool:
        if isinstance(self.user_tower, VectorUserTower):
            return name != "encoder" or self.user_tower.shape.layers > 0
        return name == "text"

    def _run_stage(self, name: Stage, stage: StageSettings) -> None:
        began = time.monotonic()
        model = self._model(name, stage)
        lora = None
        if model.reads_text:
            lora = add_lora(model, stage, seed=self.settings.seed)
            start_from_frozen_states(
                model, stage, len(self.examples), self.work / "vectors", progress=self.progress
            )
        self._read_by = self.item_tower.fingerprint()
        # A copy: the model's table is the same memory, and changes.
        before = self.pooled.copy() if model.reads_text else self.pooled
        collator = self._collator(stage)
        result = run_stage(
            name,
            model,
            collator,
            stage,
            balance=lambda: self._balance(model),
            refresh=lambda: self._refresh(model),
            work=self.work,
            resume=self.resume,
            seed=self.settings.seed,
            progress=self.progress,
        )
        self._settle(model, lora, before, kept=result.kept)
        self.temperature = model.temperature
        self.reports.append(
            {
                "stage": name,
                "kept": result.kept,
                "before": result.evaluations[0],
                "after": result.after,
                "evaluations": result.evaluations,
                "temperature": self.temperature,
                "seconds": round(time.monotonic() - began, 1),
            }
        )

    def _model(self, name: Stage, stage: StageSettings) -> TwoTower:
        """Return the towers as one model in which just this stage's parameters train."""
        share = np.bincount(
            self.examples.targets(np.arange(len(self.examples))), minlength=len(self.pooled)
        ) / len(self.examples)
        uniform = min(stage.uniform_negatives, len(self.pooled))
        model = TwoTower(
            self.item_tower,
            self.user_tower,
            self.tokens,
            self.pooled,
            self.popularity,
            expected_draws(
                torch.from_numpy(share).float(), stage.batch_size, uniform, len(self.pooled)
            ),
            self.settings.loss,
            trainable_layers=stage.trainable_layers if name == "text" else 0,
            train_item_linear=name == "text" and stage.item_linear_lr > 0,
            fresh_texts=stage.fresh_texts,
            tokens_per_pass=stage.tokens_per_pass,
            gradient_cache=stage.gradient_cache,
        )
        if isinstance(self.user_tower, VectorUserTower):
            self.user_tower.train_only(name)
        model.to(self.device)
        if self.temperature:
            model.set_temperature(self.temperature)
        elif self.settings.loss.temperature == 0.0:
            collator = self._collator(stage)
            numbers = np.random.default_rng(self.settings.seed).permutation(len(self.examples))
            model.fit_temperature(
                [collator(part.tolist()) for part in np.array_split(numbers[:1024], 4) if len(part)]
            )
        return model

    def _collator(self, stage: StageSettings) -> ContrastiveCollator:
        return ContrastiveCollator(
            self.examples,
            self.taken,
            uniform_negatives=stage.uniform_negatives,
            shuffled_share=self.settings.loss.shuffled_share,
            history_dropout=self.settings.loss.history_dropout,
            seed=self.settings.seed,
        )

    def _refresh(self, model: TwoTower) -> None:
        """Read the catalog again if the item tower has changed since it was last read."""
        if not model.reads_text:
            return
        now = self.item_tower.fingerprint()
        if self._read_by == now:
            return
        from_states = model.reading.starts_from_states
        self.pooled = model.reading.catalog(self.progress) if from_states else self._read_whole()
        model.pooled.copy_(torch.from_numpy(self.pooled))
        self._read_by = now

    def _settle(
        self, model: TwoTower, lora: Lora | None, before: NDArray[np.float32], *, kept: bool
    ) -> None:
        """Leave a plain encoder, and the catalog as that encoder reads it, unrounded."""
        if not model.reads_text:
            return
        rounded = model.reading.starts_from_states
        current = self._read_by == self.item_tower.fingerprint() and not rounded
        if lora is not None:
            lora.merge()
        if not kept:
            self.pooled = before
        elif not current:
            self.pooled = self._read_whole()

    def _read_whole(self) -> NDArray[np.float32]:
        return self.item_tower.encode_pooled(
            self.tokens,
            batch_size=self.settings.item_tower.batch_size,
            precision=self.settings.item_tower.precision,
            progress=self.progress,
        )

    def _balance(self, model: TwoTower) -> dict[str, float]:
        self._refresh(model)
        found = self._measure(model.temperature)
        best = max(found, key=lambda m: m.balance)
        return {**asdict(best), "balance": best.balance}

    def _measure(self, temperature: float) -> list[ValidationMeasure]:
        items = self.item_tower.project_all(self.pooled)
        device = next(self.user_tower.parameters()).device
        source = ItemSource(
            torch.from_numpy(items).to(device),
            torch.arange(len(items), device=device),
            self.tokens if self.user_tower.reads_tokens else None,
        )
        users = self.user_tower.encode(self.validation.known, source)
        return measure(
            users,
            items,
            self.validation,
            self.popularity,
            temperature=temperature,
            popularity_weights=self.settings.selection.popularity_weights,
        )

    def _choose_serving(self) -> Serving:
        """Return the popularity weight of the best list overall, and the debias of the balance."""
        found = self._measure(self.temperature)
        overall = max(found, key=lambda m: m.ndcg)
        below = [m for m in found if m.popularity_weight <= overall.popularity_weight]
        balanced = max(below, key=lambda m: m.balance)
        self.reports.append(
            {
                "stage": "serving",
                "kept": True,
                "measures": [{**asdict(m), "balance": m.balance} for m in found],
            }
        )
        return Serving(
            temperature=self.temperature,
            popularity_weight=overall.popularity_weight,
            debias=round(overall.popularity_weight - balanced.popularity_weight, 6),
        )
