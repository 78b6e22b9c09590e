"""A training as a run of Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import wandb

from longtail.training.tracking.tracking_settings import TrackingSettings


class WandbTracker:
    """A run in ``PLACE/wandb``: offline, unless the user's own WANDB_MODE says otherwise."""

    def __init__(self, settings: TrackingSettings, name: str) -> None:
        Path(settings.place).mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=settings.project,
            name=name,
            dir=settings.place,
            mode=os.environ.get("WANDB_MODE", "offline"),
            settings=wandb.Settings(
                silent=True,
                # What it would gather by itself: the code, the console, the machine.
                save_code=False,
                disable_git=True,
                console="off",
                x_disable_stats=True,
                x_disable_meta=True,
            ),
        )

    def parameters(self, values: Mapping[str, str]) -> None:
        self._run.config.update(dict(values))

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        # Its own steps never go back, and each of our stages begins at 0.
        self._run.log({**values, "step": step})

    def artefact(self, path: Path) -> None:
        self._run.save(str(path), base_path=str(path.parent), policy="now")

    def end(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))
