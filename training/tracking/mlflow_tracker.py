"""A training as a run of MLflow."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from longtail.training.tracking.tracking_settings import TrackingSettings

# What one request may carry, by MLflow's own limits.
MOST_PARAMETERS, LONGEST_PARAMETER = 100, 500
MOST_METRICS = 1000


class MLflowTracker:
    """A run in an MLflow experiment: on a server, or in ``PLACE/mlflow.db``.

    MLflow's folder store is refused by MLflow 3, so a folder gets a database, and its artefacts
    lie beside it.
    """

    def __init__(self, settings: TrackingSettings, name: str) -> None:
        # Otherwise a server that isn't there is waited for through minutes of retries.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        artefacts = None
        uri = settings.place
        if "://" not in uri:
            folder = Path(uri).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{folder / 'mlflow.db'}"
            artefacts = (folder / "artefacts").as_uri()
        self._client = MlflowClient(tracking_uri=uri)
        experiment = self._client.get_experiment_by_name(settings.project)
        number = (
            self._client.create_experiment(settings.project, artifact_location=artefacts)
            if experiment is None
            else experiment.experiment_id
        )
        self._run: str = self._client.create_run(number, run_name=name).info.run_id

    def parameters(self, values: Mapping[str, str]) -> None:
        # An empty value is none to MLflow.
        params = [Param(key, value[:LONGEST_PARAMETER]) for key, value in values.items() if value]
        for start in range(0, len(params), MOST_PARAMETERS):
            part = params[start : start + MOST_PARAMETERS]
            self._client.log_batch(self._run, params=part)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        metrics = [Metric(_allowed(key), value, now, step) for key, value in values.items()]
        for start in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self._run, metrics=metrics[start : start + MOST_METRICS])

    def artefact(self, path: Path) -> None:
        self._client.log_artifact(self._run, str(path))

    def end(self, *, failed: bool) -> None:
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")


def _allowed(name: str) -> str:
    """Return a metric's name as MLflow takes it: no @, no parentheses."""
    return re.sub(r"[^\w./ -]", "", name.replace("@", "_at_"))
