"""What trainings and evaluations report to a tracker, and what becomes of one that fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line import longtail, train_arguments
from learned_files import learned_files
from toy_shop import settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.settings.errors import SettingsError
from longtail.settings.settings_file import load_settings
from longtail.training.settings import TrainingSettings
from longtail.training.tracking import open_tracker
from longtail.training.tracking.open_tracker import opened_tracker
from longtail.training.tracking.tracked_evaluation import track_evaluation
from longtail.training.tracking.tracking_settings import TrackingSettings
from longtail.training.train import train_engine


class Recorder:
    """Stands in for a tracker: it keeps all calls, and fails from one on where it should."""

    def __init__(self, name: str = "", fails_at: int | None = None) -> None:
        self.name, self.fails_at, self.calls = name, fails_at, 0
        self.settings: dict[str, str] = {}
        self.numbers: dict[str, list[tuple[int, float]]] = {}
        self.files: list[str] = []
        self.failed: bool | None = None

    def _call(self) -> None:
        self.calls += 1
        if self.fails_at is not None and self.calls >= self.fails_at:
            raise ConnectionError("no route\nto host")

    def parameters(self, values: Mapping[str, str]) -> None:
        self._call()
        self.settings.update(values)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self._call()
        for name, value in values.items():
            self.numbers.setdefault(name, []).append((step, value))

    def artefact(self, path: Path) -> None:
        self._call()
        self.files.append(path.name)

    def end(self, *, failed: bool) -> None:
        self._call()
        self.failed = failed


TOLD = TrackingSettings(tool="tensorboard")


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    """The trackers that were opened; the library that the settings name counts as installed."""
    opened: list[Recorder] = []

    def new(settings: TrackingSettings, name: str) -> Recorder:
        opened.append(Recorder(name))
        return opened[-1]

    monkeypatch.setattr(open_tracker, "_new", new)
    monkeypatch.setattr(open_tracker, "NEEDED", {})
    return opened


def test_a_tracked_training_and_its_evaluation_are_told_in_numbers(
    recorders: list[Recorder],
    trained_run: Path,
    tiny_bert: Path,
    catalog: Catalog,
    split: Split,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    train_engine(catalog, split, settings_for(tiny_bert, tracking=TOLD), run)
    assert learned_files(run) == learned_files(trained_run)
    [told] = recorders
    assert (told.name, told.failed, told.files) == ("run", False, [])
    assert told.settings["history.epochs"] == "2.0"
    steps = [step for step, _ in told.numbers["history/eval_ndcg"]]
    assert len(steps) > 1
    assert steps == sorted(steps)
    assert told.numbers.keys() >= {"history/loss", "encoder/loss", "stages/history/kept"}
    assert any(name.startswith("evidence/") for name in told.numbers)
    assert any(name.startswith("relevance/") for name in told.numbers)

    for examples, files in ((0, ["metrics.json", "report.html"]), (2, ["metrics.json"])):
        words = ("--baselines", "none", "-k", "5", "--examples", examples)
        done = longtail("evaluate", run, *words)
        assert done.code == 0, done.err
        assert recorders[-1].name == "run-evaluation"
        assert recorders[-1].files == files
        assert recorders[-1].numbers["evaluation/longtail/recall@5"][0][1] > 0

    # Words of ours alone: nobody's ids, and no text of an item.
    said = " ".join(" ".join([*each.numbers, *each.settings.values()]) for each in recorders)
    people = [*split.interactions.user_ids, *catalog.item_ids]
    assert [name for name in people if f" {name} " in said or f"/{name}" in said] == []


def test_a_tracker_that_fails_fails_nothing_and_is_named_once(
    quick: TrainingSettings,
    catalog: Catalog,
    split: Split,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Recorder(fails_at=2)
    monkeypatch.setattr(open_tracker, "_new", lambda settings, name: broken)
    monkeypatch.setattr(open_tracker, "NEEDED", {})
    settings = quick.changed(tracking=TOLD)
    with caplog.at_level(logging.WARNING, "longtail.training"):
        train_engine(catalog, split, settings, tmp_path / "run")
    assert (tmp_path / "run" / "manifest.json").is_file()
    said = [line for line in caplog.messages if "tensorboard failed" in line]
    assert said == [
        "warning: tensorboard failed (ConnectionError: no route to host); the work goes on, and "
        "nothing more is reported to it"
    ]
    assert broken.calls == 2


def test_a_tracker_that_cannot_be_opened_is_named_and_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(settings: TrackingSettings, name: str) -> Recorder:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(open_tracker, "_new", full)
    monkeypatch.setattr(open_tracker, "NEEDED", {})
    with opened_tracker(TOLD, "run") as tracker:
        tracker.metrics({"a": 1.0}, 0)
    assert len(caplog.messages) == 1
    assert "No space left on device" in caplog.text


def test_a_training_that_fails_is_told_as_failed(recorders: list[Recorder]) -> None:
    with pytest.raises(KeyError), opened_tracker(TOLD, "run"):
        raise KeyError("a bug")
    assert recorders[0].failed is True


def test_nothing_is_opened_by_default(recorders: list[Recorder], trained_run: Path) -> None:
    track_evaluation(trained_run, report=True)
    with opened_tracker(TrackingSettings(), "run") as tracker:
        tracker.metrics({"a": 1.0}, 0)
    assert recorders == []


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard", "wandb"])
def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_read(
    tool: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_tracker, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=rf"pip install 'longtail\[{tool}\]', or set it to no"):
        load_settings(None, [f"tracking.tool={tool}"])
    words = (*train_arguments(tiny_bert), "--set", f"tracking.tool={tool}")
    shop = tmp_path / "shop"
    shop.mkdir()
    for name in ("items.csv", "interactions.csv"):
        (shop / name).touch()
    done = longtail("train", shop, *words, "--out", tmp_path / "run")
    assert f"tracking.tool is {tool}" in done.complaint
    assert list(tmp_path.iterdir()) == [shop]


def test_an_evaluation_goes_on_where_the_tracker_is_not_installed(
    quick: TrainingSettings,
    catalog: Catalog,
    split: Split,
    tmp_path: Path,
    recorders: list[Recorder],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    train_engine(catalog, split, quick.changed(tracking=TOLD), tmp_path / "run")
    monkeypatch.setattr(open_tracker, "NEEDED", {"tensorboard": ("no_such_module",)})
    done = longtail("evaluate", tmp_path / "run", "--baselines", "none", "-k", "5")
    assert done.code == 0, done.err
    assert "nothing was reported: setting tracking.tool is tensorboard" in caplog.text


def test_an_unknown_tool_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"tracking\.tool: .*'nobody'"):
        load_settings(None, ["tracking.tool=nobody"])
