"""Stages that an interrupted training had already ended, so that `--resume` doesn't repeat them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from longtail.index.files import publish_folder, read_json


@dataclass(frozen=True)
class StageResult:
    """Validation measures of one stage, the untrained one first, and whether it was kept."""

    evaluations: list[dict[str, float]]
    kept: bool
    seconds: float = 0.0

    @property
    def after(self) -> dict[str, float]:
        """The measures of the model as the stage left it."""
        if not self.kept:
            return self.evaluations[0]
        return max(self.evaluations, key=lambda measures: measures["balance"])


def save_finished_stage(work: Path, name: str, model: nn.Module, result: StageResult) -> None:
    """Keep the model as a stage left it, and what validation said, in the working folder.

    The folder appears in one step: a stage is finished or it isn't.
    """
    with publish_folder(work / "finished" / name) as folder:
        state = {
            key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()
        }
        save_file(state, folder / "model.safetensors")
        # Not `write_json_atomically`: a shop without a tail has measures that are no numbers.
        (folder / "result.json").write_text(json.dumps(asdict(result)), encoding="utf-8")


def load_finished_stage(work: Path, name: str, model: nn.Module) -> StageResult | None:
    """Set the model to how the stage left it and return its result, or None: it isn't finished."""
    folder = work / "finished" / name
    if not folder.is_dir():
        return None
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return StageResult(**read_json(folder / "result.json"))
