"""An evaluation of a run, for the tracker that its training reported to."""

from __future__ import annotations

import logging
from pathlib import Path

from longtail.index.files import read_json
from longtail.retrieval.run.bundle import read_manifest
from longtail.training.tracking.open_tracker import TrackerNotInstalledError, opened_tracker
from longtail.training.tracking.reported_numbers import flat_settings, numbers_of_metrics
from longtail.training.tracking.tracking_settings import TrackingSettings

logger = logging.getLogger("longtail.training")


def track_evaluation(run: Path, *, report: bool) -> None:
    """Report RUN/metrics.json to the tracker of the run's settings, as an entry of its own.

    ``report``: whether report.html goes, too. It must hold no example users then. A run without
    a tracker reports nothing; one whose tracker isn't installed here says so in a warning.
    """
    config = read_manifest(run)["config"]
    settings = TrackingSettings.model_validate(config.get("tracking", {}))
    if settings.tool == "none":
        return
    try:
        with opened_tracker(settings, f"{run.resolve().name}-evaluation") as tracker:
            tracker.parameters(flat_settings(config))
            metrics = read_json(run / "metrics.json")
            tracker.metrics(numbers_of_metrics(metrics["metrics"]), 0)
            tracker.artefact(run / "metrics.json")
            if report:
                tracker.artefact(run / "report.html")
    except TrackerNotInstalledError as error:
        logger.warning("warning: nothing was reported: %s", error)
