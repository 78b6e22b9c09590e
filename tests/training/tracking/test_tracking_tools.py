"""The trackers themselves, where they are installed; none of them reaches for a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail.training.tracking.open_tracker import opened_tracker
from longtail.training.tracking.tracker import GuardedTracker
from longtail.training.tracking.tracking_settings import TrackingSettings

# Their warnings are their own.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.json"
    path.write_text("{}", encoding="utf-8")
    return path


def report(settings: TrackingSettings, result: Path) -> bool:
    """Report a small training; return whether the tracker took all of it."""
    with opened_tracker(settings, "run") as tracker:
        tracker.parameters({"seed": "0", "data.template": ""})
        for step, value in ((0, 0.5), (10, 0.75)):
            tracker.metrics({"history/eval_recall@10": value}, step)
        tracker.metrics({"evaluation/longtail (debias 0.25)/recall@10": 0.5}, 0)
        tracker.artefact(result)
        assert isinstance(tracker, GuardedTracker)
        return tracker.works


def test_mlflow_keeps_a_training_in_a_database(result: Path, tmp_path: Path) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    pytest.importorskip("sqlalchemy")
    place = tmp_path / "tracked"
    settings = TrackingSettings(tool="mlflow", place=str(place), project="shop")
    assert report(settings, result)
    client = tracking.MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
    [run] = client.search_runs([client.get_experiment_by_name("shop").experiment_id])
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    assert run.data.params == {"seed": "0"}
    assert run.data.metrics["evaluation/longtail debias 0.25/recall_at_10"] == 0.5
    history = client.get_metric_history(run.info.run_id, "history/eval_recall_at_10")
    assert [(each.step, each.value) for each in history] == [(0, 0.5), (10, 0.75)]
    assert [path.name for path in place.rglob("metrics.json")] == ["metrics.json"]


def test_mlflow_without_its_server_fails_nothing(
    result: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("mlflow.tracking")
    pytest.importorskip("sqlalchemy")
    # Nobody listens on port 9.
    settings = TrackingSettings(tool="mlflow", place="http://127.0.0.1:9")
    assert not report(settings, result)
    assert sum(line.startswith("warning: mlflow failed (") for line in caplog.messages) == 1


def test_tensorboard_keeps_a_training_in_event_files(result: Path, tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    place = tmp_path / "tracked"
    assert report(TrackingSettings(tool="tensorboard", place=str(place), project="shop"), result)
    [folder] = (place / "shop").iterdir()
    events = reading.EventAccumulator(str(folder))
    events.Reload()
    kept = [(each.step, each.value) for each in events.Scalars("history/eval_recall@10")]
    assert kept == [(0, 0.5), (10, 0.75)]
    assert (folder / "metrics.json").is_file()


def test_wandb_is_offline_unless_the_user_says_otherwise(
    result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    place = tmp_path / "tracked"
    assert report(TrackingSettings(tool="wandb", place=str(place)), result)
    [folder] = (place / "wandb").glob("offline-run-*")
    assert list(folder.glob("*.wandb"))
    assert (folder / "files" / "metrics.json").is_file()
    monkeypatch.setenv("WANDB_MODE", "disabled")
    other = tmp_path / "other"
    assert report(TrackingSettings(tool="wandb", place=str(other)), result)
    assert not list(other.rglob("offline-run-*"))
