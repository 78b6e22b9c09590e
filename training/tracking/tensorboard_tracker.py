"""A training as event files of TensorBoard."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from torch.utils.tensorboard.writer import SummaryWriter

from longtail.training.tracking.tracking_settings import TrackingSettings


class TensorBoardTracker:
    """Event files in a folder ``PLACE/PROJECT/NAME-TIME``; artefacts are copied beside them."""

    def __init__(self, settings: TrackingSettings, name: str) -> None:
        when = f"{datetime.now():%Y%m%d-%H%M%S}"
        self.folder = Path(settings.place) / settings.project / f"{name}-{when}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._writer = SummaryWriter(str(self.folder))

    def parameters(self, values: Mapping[str, str]) -> None:
        rows = "\n".join(f"| {key} | {value} |" for key, value in values.items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}", 0)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        for key, value in values.items():
            self._writer.add_scalar(key, value, step)
        self._writer.flush()

    def artefact(self, path: Path) -> None:
        shutil.copyfile(path, self.folder / path.name)

    def end(self, *, failed: bool) -> None:
        self._writer.add_text("end", "failed" if failed else "finished", 0)
        self._writer.close()
