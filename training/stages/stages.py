"""The stages of training in their order, and what validation says after each."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.bundle import Serving
from longtail.retrieval.towers.backends.choice import Choice
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.text_pieces import TextPieces
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.retrieval.towers.user_tower import ItemSource, UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower
from longtail.training.co_taken.content_measure import TEMPERATURE
from longtail.training.encoder_backend import renewed
from longtail.training.losses.logq import expected_draws
from longtail.training.processes import ALONE, Processes
from longtail.training.profile import UNMEASURED, Profile
from longtail.training.settings import TrainingSettings
from longtail.training.stages.finished_stages import (
    StageResult,
    load_finished_stage,
    save_finished_stage,
)
from longtail.training.stages.stage_settings import StageSettings, TextStageSettings
from longtail.training.stages.text_stage import add_lora, start_from_frozen_states
from longtail.training.towers.lora import Lora
from longtail.training.towers.two_tower import FIXED_ITEMS, TextTraining, TwoTower
from longtail.training.tracking.tracker import UNTRACKED, Tracker
from longtail.training.trainer.batches import ContrastiveCollator
from longtail.training.trainer.examples import NextItemExamples
from longtail.training.trainer.trainer import StageContext, run_stage
from longtail.training.validation import ValidationMeasure, ValidationSet, measure

logger = logging.getLogger("longtail.training")

Stage = Literal["history", "encoder", "text"]
STAGES: tuple[Stage, ...] = ("history", "encoder", "text")


def training_device() -> torch.device:
    """Return the device that trains: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Stages:
    """One training run's towers, data and results so far.

    ``pooled`` float32 [n, dim] is renewed whenever the text encoder has moved. All of
    ``processes`` train the stages together; the first one measures for all of them.
    """

    item_tower: ItemTower
    user_tower: UserTower
    texts: TextPieces
    pooled: NDArray[np.float32]
    reading: Choice | None
    popularity: Popularity
    examples: NextItemExamples
    taken: sp.csr_matrix
    validation: ValidationSet
    settings: TrainingSettings
    work: Path
    resume: bool
    progress: Progress
    processes: Processes = ALONE
    profile: Profile = UNMEASURED
    tracker: Tracker = UNTRACKED
    device: torch.device = field(default_factory=training_device)
    temperature: float = 0.0
    reports: list[dict[str, Any]] = field(default_factory=list)
    # Why no stage can train; None: they can.
    untaught: str | None = None
    # Fingerprint of the tower that read `pooled`.
    _read_by: str = ""

    @cached_property
    def tokens(self) -> TokenTable:
        """What a step reads of each text."""
        return self.texts.beginnings()

    def run(self) -> Serving:
        """Run every stage that has epochs and return what validation chose."""
        self.train()
        if not len(self.examples):
            # Nothing to fit it to.
            self.temperature = self.settings.loss.temperature or TEMPERATURE
        if self.temperature == 0.0:
            self.temperature = self._model(STAGES[0], self.settings.history).temperature
        return self._choose_serving()

    def train(self) -> None:
        """Run every stage that has epochs: what all processes do together, and then part."""
        for name in STAGES:
            stage: StageSettings = getattr(self.settings, name)
            if stage.epochs > 0 and self._applies(name):
                if self.untaught is not None:
                    self.reports.append({"stage": name, "kept": False, "left_out": self.untaught})
                    continue
                with self.profile.section(f"stage {name}"):
                    self._run_stage(name, stage)
        self.processes.leave()

    def _applies(self, name: Stage) -> bool:
        if isinstance(self.user_tower, VectorUserTower):
            return name != "encoder" or self.user_tower.shape.layers > 0
        return name == "text"

    def _run_stage(self, name: Stage, stage: StageSettings) -> None:
        began = time.monotonic()
        model = self._model(name, stage)
        # What an undone stage goes back to.
        before = (self.pooled, self.reading)
        if model.reads_text:
            self._read_by = self._fingerprint()
        result = self._finished(name, model)
        if result is None:
            lora = self._set_up(model, stage)
            trained = run_stage(
                name,
                model,
                self._collator(stage),
                stage,
                StageContext(
                    work=self.work,
                    resume=self.resume,
                    seed=self.settings.seed,
                    progress=self.progress,
                    processes=self.processes,
                    clock=self.profile.clock(name, self.device),
                    tracker=self.tracker,
                ),
                balance=lambda: self._balance(model),
                refresh=lambda: self._refresh(model),
            )
            if lora is not None:
                lora.merge()
            result = replace(trained, seconds=round(time.monotonic() - began, 1))
            if self.processes.first:
                save_finished_stage(self.work, name, model, result)
                shutil.rmtree(self.work / "checkpoints" / name, ignore_errors=True)
        if not result.kept:
            self.pooled, self.reading = before
        else:
            self._settle(model)
        self.temperature = model.temperature
        self.reports.append(
            {
                "stage": name,
                "kept": result.kept,
                "before": result.evaluations[0],
                "after": result.after,
                "evaluations": result.evaluations,
                "temperature": self.temperature,
                "seconds": result.seconds,
            }
        )

    def _finished(self, name: Stage, model: TwoTower) -> StageResult | None:
        """Return the result of a stage that had ended before the interruption, in its model."""
        if not self.resume:
            return None
        result = load_finished_stage(self.work, name, model) if self.processes.first else None
        told = self.processes.tell(None if result is None else asdict(result))
        if told is None:
            return None
        self.processes.send_(model.state_dict().values())
        return StageResult(**told)

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
                torch.from_numpy(share).float(),
                stage.batch_size * self.processes.count,
                uniform,
                len(self.pooled),
            ),
            self.settings.loss,
            TextTraining.of(stage) if isinstance(stage, TextStageSettings) else FIXED_ITEMS,
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
        now = self._fingerprint()
        if self._read_by == now:
            return
        read_states = partial(model.reading.catalog, self.progress)
        self.pooled = self._shared(read_states if self._rounded(model) else self._read_whole)
        # Not copied into the tensor that is there: it shares its memory with the old ones.
        model.pooled = torch.from_numpy(self.pooled).to(self.device)
        self._read_by = now

    def _settle(self, model: TwoTower) -> None:
        """Leave the catalog as the trained encoder reads it, unrounded."""
        if not model.reads_text:
            return
        if self._rounded(model) or self._read_by != self._fingerprint():
            self.pooled = self._shared(self._read_whole)

    def _set_up(self, model: TwoTower, stage: StageSettings) -> Lora | None:
        """Add what the text stage wants before its first step."""
        if not isinstance(stage, TextStageSettings) or not model.reads_text:
            return None
        lora = add_lora(model, stage, seed=self.settings.seed)
        if not self.processes.first:
            # The first process has the states in a file then.
            self.processes.tell(None)
        start_from_frozen_states(
            model,
            stage,
            len(self.examples),
            self.work / "vectors",
            processes=self.processes.count,
            progress=self.progress,
        )
        if self.processes.first:
            self.processes.tell(None)
        # Adapters change nothing yet, but they count as weights.
        self._read_by = self._fingerprint()
        return lora

    def _rounded(self, model: TwoTower) -> bool:
        """Return whether the catalog is read from the frozen layers' states while training.

        Not where texts are read in several pieces: the states are those of the first.
        """
        return model.reading.starts_from_states and self.texts.whole

    def _fingerprint(self) -> str:
        fingerprint: str = self.processes.tell(self.item_tower.fingerprint())
        return fingerprint

    def _shared(self, read: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return what the first process reads, in all of them."""
        pooled = read() if self.processes.first else np.empty_like(self.pooled)
        self.processes.send_([torch.from_numpy(pooled)])
        return pooled

    def _read_whole(self) -> NDArray[np.float32]:
        assert self.reading is not None
        self.reading = renewed(self.reading, self.item_tower, self.texts.tokens)
        pieces = encode_pooled(self.reading.backend, self.texts.tokens, progress=self.progress)
        return self.texts.average(pieces)

    def _balance(self, model: TwoTower) -> dict[str, float]:
        self._refresh(model)
        measures: dict[str, float] = self.processes.tell(
            self._best_measure(model.temperature) if self.processes.first else None
        )
        return measures

    def _best_measure(self, temperature: float) -> dict[str, float]:
        best = max(self._measure(temperature), key=lambda m: m.balance)
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
        if not len(self.validation):
            return Serving(self.temperature, popularity_weight=0.0, debias=0.0)
        measures = self._measure(self.temperature)
        overall = max(measures, key=lambda m: m.ndcg)
        below = [m for m in measures if m.popularity_weight <= overall.popularity_weight]
        balanced = max(below, key=lambda m: m.balance)
        self.reports.append(
            {
                "stage": "serving",
                "kept": True,
                "measures": [{**asdict(m), "balance": m.balance} for m in measures],
            }
        )
        return Serving(
            temperature=self.temperature,
            popularity_weight=overall.popularity_weight,
            debias=round(overall.popularity_weight - balanced.popularity_weight, 6),
        )
