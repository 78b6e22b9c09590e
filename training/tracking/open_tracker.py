"""From a setting to a tracker that is open, and closed whatever happens."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from longtail.index.errors import LongtailError
from longtail.training.tracking.tracker import UNTRACKED, GuardedTracker, Tracker
from longtail.training.tracking.tracking_settings import TrackingSettings

# What each tracker imports; MLflow's small package brings no database.
NEEDED = {
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "tensorboard": ("tensorboard",),
    "wandb": ("wandb",),
}


class TrackerNotInstalledError(LongtailError):
    """The library of the tracker that the settings name is absent."""


def check_tracking(settings: TrackingSettings) -> None:
    """Refuse a tracker that isn't installed now, not after an hour of training.

    Raises:
        TrackerNotInstalledError: it isn't.
    """
    for module in NEEDED.get(settings.tool, ()):
        if find_spec(module) is None:
            raise TrackerNotInstalledError(
                f"setting tracking.tool is {settings.tool}, and {module} is not installed; "
                f"pip install 'longtail[{settings.tool}]', or set it to none"
            )


@contextmanager
def opened_tracker(settings: TrackingSettings, name: str) -> Iterator[Tracker]:
    """Yield the tracker of the settings with a new entry ``name``, closed afterwards.

    It never raises: what fails is left with one warning, see `GuardedTracker`.

    Raises:
        TrackerNotInstalledError: see `check_tracking`.
    """
    check_tracking(settings)
    if settings.tool == "none":
        yield UNTRACKED
        return
    tracker = GuardedTracker(settings.tool, lambda: _new(settings, name))
    failed = True
    try:
        yield tracker
        failed = False
    finally:
        tracker.end(failed=failed)


def _new(settings: TrackingSettings, name: str) -> Tracker:
    # Imported when set: each costs seconds, and brings warnings of its own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if settings.tool == "mlflow":
            from longtail.training.tracking.mlflow_tracker import MLflowTracker

            return MLflowTracker(settings, name)
        if settings.tool == "tensorboard":
            from longtail.training.tracking.tensorboard_tracker import TensorBoardTracker

            return TensorBoardTracker(settings, name)
        from longtail.training.tracking.wandb_tracker import WandbTracker

        return WandbTracker(settings, name)
