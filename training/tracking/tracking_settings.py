"""Where a training reports to, if anywhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from longtail.retrieval.settings import Settings

Tool = Literal["none", "mlflow", "tensorboard", "wandb"]


class TrackingSettings(Settings):
    """Numbers of stages, evidence, head and evaluation for a tracker; none by default."""

    tool: Annotated[
        Tool,
        Field(description="none, or the tracker that trainings and evaluations report to"),
    ] = "none"
    place: Annotated[
        str,
        Field(
            description="the tracker's folder; for mlflow also a tracking URI, e.g. "
            "`http://localhost:5000`"
        ),
    ] = "tracking"
    project: Annotated[
        str,
        Field(min_length=1, description="mlflow's experiment, wandb's project, a folder's name"),
    ] = "longtail"
