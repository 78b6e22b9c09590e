"""Training the last layers of the item tower on whom each item is taken with."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from longtail.index.files import publish_folder, read_json
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.training.co_taken.co_taken_rows import CoTakenRows
from longtail.training.co_taken.course import Course
from longtail.training.co_taken.step_candidates import CandidateDraw, StepCandidates
from longtail.training.losses.co_taken_softmax import co_taken_softmax
from longtail.training.towers.frozen_layers import thaw_last_layers
from longtail.training.towers.text_encoding import TextEncoding

logger = logging.getLogger("longtail.training")

# The temperature starts at an eighth: the first steps then move many co-takers, not the nearest.
FIRST_SCALE = 8.0
CLIPPED_AT = 1.0


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Attributes:
        number: 1 is the first.
        loss: mean over its steps.
        temperature: as learned at its end.
        seconds: of its steps and of what was measured.
        measures: what was measured of the tower after it.
    """

    number: int
    loss: float
    temperature: float
    seconds: float
    measures: dict[str, float]


class CoTakenTraining:
    """An item tower in training.

    The bank holds a vector of every item: what the last step that read it made of its text. A
    step costs the reading of its own texts, and yet each learns against the whole catalog.
    """

    def __init__(
        self,
        item_tower: ItemTower,
        reading: TextEncoding,
        vectors: NDArray[np.float32],
        rows: CoTakenRows,
        course: Course,
    ) -> None:
        """``vectors`` are the tower's before the first step, float32 [n, d]."""
        self.item_tower, self.reading, self.rows, self.course = item_tower, reading, rows, course
        self.device = next(item_tower.parameters()).device
        self.bank = torch.from_numpy(vectors.copy()).to(self.device)
        self.log_scale = nn.Parameter(torch.tensor(np.log(FIRST_SCALE), dtype=torch.float32))
        self._draw = CandidateDraw(rows, course.texts_per_step, course.drawn_candidates)
        self._texts = rows.taught()
        item_tower.requires_grad_(False)
        self._thawed = thaw_last_layers(item_tower, course.trainable_layers)
        item_tower.dense.requires_grad_(True)
        layers = [p for module in self._thawed for p in module.parameters()]
        linear = list(item_tower.dense.parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": layers, "peak": course.encoder_lr},
                {"params": linear, "peak": course.linear_lr},
                {"params": [self.log_scale], "peak": course.scale_lr, "weight_decay": 0.0},
            ],
            lr=0.0,
            weight_decay=course.weight_decay,
        )

    def run(
        self,
        work: Path,
        judge: Callable[[], dict[str, float]],
        *,
        enough: Callable[[list[Epoch]], bool] = lambda epochs: False,
        progress: Progress = silent,
    ) -> list[Epoch]:
        """Train, measure the tower after every epoch, and return what each came to.

        ``work`` keeps the state after each; what it holds of the same training is gone on from.
        ``enough`` says after which epochs no other is worth its time.
        """
        epochs: list[Epoch] = []
        while (folder := _folder(work, len(epochs) + 1)).is_dir():
            epochs.append(Epoch(**read_json(folder / "epoch.json")))
        if epochs:
            self.restore(work, len(epochs))
        for number in range(len(epochs) + 1, self.course.epochs + 1):
            if enough(epochs):
                break
            began = time.monotonic()
            loss = self._train(number, progress)
            temperature = float(torch.exp(-self.log_scale.detach()))
            measures = judge()
            epoch = Epoch(number, loss, temperature, round(time.monotonic() - began, 1), measures)
            with publish_folder(_folder(work, number)) as folder:
                save_file(self._state(), folder / "state.safetensors")
                # Not `write_json_atomically`: a shop without a tail has measures that are no
                # numbers.
                (folder / "epoch.json").write_text(json.dumps(asdict(epoch)), encoding="utf-8")
            epochs.append(epoch)
        return epochs

    def restore(self, work: Path, number: int) -> None:
        """Set everything to how an epoch left it."""
        state = load_file(_folder(work, number) / "state.safetensors")
        self.bank.copy_(state["bank"])
        with torch.no_grad():
            for i, parameter in enumerate(self._parameters()):
                parameter.copy_(state[f"parameter.{i}"])
                prefix = f"optimizer.{i}."
                self.optimizer.state[parameter] = {
                    name.removeprefix(prefix): value.to(parameter.device if value.ndim else "cpu")
                    for name, value in state.items()
                    if name.startswith(prefix)
                }

    def _train(self, number: int, progress: Progress) -> float:
        """Return an epoch's mean loss."""
        course = self.course
        # Dropout's draws follow from the epoch alone, as after an interruption.
        torch.manual_seed(course.seed * 1_000 + number)
        steps = course.steps_of(number, self._texts, self.reading.tokens.lengths)
        done, planned = (number - 1) * len(steps), course.epochs * len(steps)
        self.item_tower.eval()
        for module in self._thawed:
            module.train()
        total = 0.0
        for i, texts in enumerate(steps):
            progress("training the item tower", done + i, planned)
            rng = np.random.default_rng((course.seed, number, i))
            total += self._step(texts, self._draw.of(texts, rng), course.rate(done + i, planned))
        self.item_tower.eval()
        logger.info("item tower, epoch %d: loss %.4f", number, total / len(steps))
        return total / len(steps)

    def _step(self, texts: NDArray[np.int64], candidates: StepCandidates, rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["peak"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.course.bfloat16):
            pooled = self.reading.items(texts)
        fresh = self.item_tower.project(pooled.float())
        bank = self.bank
        if candidates.rows is not None:
            bank = bank[candidates.rows.to(self.device)]
        loss = co_taken_softmax(
            fresh,
            candidates.places.to(self.device),
            bank,
            candidates.targets.to(self.device),
            self.log_scale.exp().to(self.device),
            candidates.bias.to(self.device),
        )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters(), CLIPPED_AT)
        self.optimizer.step()
        self.bank[torch.from_numpy(texts).to(self.device)] = fresh.detach()
        return float(loss.detach())

    def _state(self) -> dict[str, torch.Tensor]:
        state = {"bank": self.bank}
        for i, parameter in enumerate(self._parameters()):
            state[f"parameter.{i}"] = parameter.detach()
            for name, value in self.optimizer.state[parameter].items():
                state[f"optimizer.{i}.{name}"] = value
        return {name: value.cpu().contiguous().clone() for name, value in state.items()}

    def _parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


def _folder(work: Path, number: int) -> Path:
    return work / f"epoch-{number}"
