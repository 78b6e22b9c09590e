"""What an interrupted stage left: its newest checkpoint that was written to the end."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from longtail.training.processes import Processes

STATE = "trainer_state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of `transformers.Trainer`.

    Attributes:
        folder: where it lies.
        state: the trainer's state as it was written.
    """

    folder: Path
    state: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether training had come to its end there, by its last step or for want of gain.

        `Trainer` would take one more step before it noticed.
        """
        control = self.state["stateful_callbacks"]["TrainerControl"]
        return bool(control["args"]["should_training_stop"])

    @property
    def log(self) -> list[dict[str, float]]:
        """What was logged up to there, evaluations included."""
        entries: list[dict[str, float]] = self.state["log_history"]
        return entries

    def load_best(self, model: nn.Module) -> None:
        """Set the model to the best evaluation's; its checkpoint stands beside this one."""
        best = self.folder.with_name(f"checkpoint-{self.state['best_global_step']}")
        model.load_state_dict(load_file(best / "model.safetensors"), strict=False)


def last_whole_checkpoint(folder: Path, processes: Processes) -> Checkpoint | None:
    """Return the newest whole checkpoint, for all processes the same, and remove torn ones."""
    steps = sorted(_whole_steps(folder, processes.count)) if processes.first else []
    last = processes.tell(steps[-1] if steps else None)
    if last is None:
        return None
    newest = folder / f"checkpoint-{last}"
    return Checkpoint(newest, json.loads((newest / STATE).read_text(encoding="utf-8")))


def _whole_steps(folder: Path, count: int) -> list[int]:
    steps = []
    for checkpoint in folder.glob("checkpoint-*") if folder.is_dir() else ():
        if _is_whole(checkpoint, count):
            steps.append(int(checkpoint.name.removeprefix("checkpoint-")))
        else:
            shutil.rmtree(checkpoint)
    return steps


def _is_whole(checkpoint: Path, count: int) -> bool:
    """Whether the first process wrote its state, which comes last, and each one its numbers."""
    if count > 1 and len(list(checkpoint.glob("rng_state_*.pth"))) < count:
        return False
    try:
        json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
