"""Training the last layers of the item tower on whom each item is taken with."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from longtail.index.files import publish_folder
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.training.co_taken.co_taken_rows import CoTakenRows
from longtail.training.co_taken.course import Course
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
        scale: one over the temperature, at its end.
        seconds: of its steps.
    """

    number: int
    loss: float
    scale: float
    seconds: float


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
        self.bias = torch.from_numpy(rows.log_share()).to(self.device)
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

    def epochs(self, work: Path, *, progress: Progress = silent) -> Iterator[Epoch]:
        """Train, and yield after every epoch; ``work`` keeps the last one's state.

        What a folder holds of the same training is gone on from. Epochs that it holds aren't
        yielded again.
        """
        for number in range(self._restore(work) + 1, self.course.epochs + 1):
            yield self._epoch(number, progress)
            self._keep(work, number)

    def _epoch(self, number: int, progress: Progress) -> Epoch:
        began, course = time.monotonic(), self.course
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
            total += self._step(texts, course.rate(done + i, planned))
        self.item_tower.eval()
        scale = float(self.log_scale.detach().exp())
        result = Epoch(number, total / len(steps), scale, time.monotonic() - began)
        logger.info("item tower, epoch %d: loss %.4f", number, result.loss)
        return result

    def _step(self, texts: NDArray[np.int64], rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["peak"]
        fresh = self.item_tower.project(self.reading.items(texts))
        places = torch.from_numpy(texts).to(self.device)
        loss = co_taken_softmax(
            fresh,
            places,
            self.bank,
            self.rows.targets(texts).to(self.device),
            self.log_scale.exp().to(self.device),
            self.bias,
        )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, CLIPPED_AT)
        self.optimizer.step()
        self.bank[places] = fresh.detach()
        return float(loss.detach())

    def _state(self) -> dict[str, torch.Tensor]:
        state = {"bank": self.bank, "log_scale": self.log_scale.detach()}
        for i, parameter in enumerate(self._parameters()):
            state[f"parameter.{i}"] = parameter.detach()
            for name, value in self.optimizer.state[parameter].items():
                state[f"optimizer.{i}.{name}"] = value
        return {name: value.cpu().contiguous().clone() for name, value in state.items()}

    def _parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _keep(self, work: Path, number: int) -> None:
        with publish_folder(work / f"epoch-{number}") as folder:
            save_file(self._state(), folder / "state.safetensors")

    def _restore(self, work: Path) -> int:
        """Return how many epochs the folder holds, and go on from the last."""
        number = 0
        while (work / f"epoch-{number + 1}").is_dir():
            number += 1
        if not number:
            return 0
        state = load_file(work / f"epoch-{number}" / "state.safetensors")
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
        return number
