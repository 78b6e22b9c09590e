"""Settings in Python, on the command line and on their page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pydantic
import pytest
from command_line import longtail
from rich.console import Console

from longtail.console.settings_table import print_settings
from longtail.settings import shipped
from longtail.settings.described import described
from longtail.settings.settings_file import load_settings
from longtail.settings.shipped import name_for_this_machine
from longtail.settings_reference import PAGE, reference_page
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stage_settings import TextStageSettings

DESCRIBED = described(TrainingSettings())
KEYS = [setting.key for setting in DESCRIBED]


class TestFromPython:
    def test_settings_are_frozen_and_checked(self) -> None:
        settings = TrainingSettings()
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            settings.seed = 1  # type: ignore[misc]
        for wrong in ({"seed": -1}, {"sed": 1}, {"history": TextStageSettings()}):
            with pytest.raises(pydantic.ValidationError):
                settings.changed(**wrong)

    def test_a_changed_copy_leaves_the_rest(self) -> None:
        settings = TrainingSettings(seed=3)
        changed = settings.changed(history=settings.history.changed(epochs=1))
        assert (changed.seed, changed.history.epochs) == (3, 1)
        assert changed.encoder == settings.encoder
        assert settings == TrainingSettings(seed=3)

    def test_every_setting_survives_a_manifest(self) -> None:
        settings = load_settings("gpu")
        stored = json.loads(json.dumps(settings.model_dump()))
        assert TrainingSettings.model_validate(stored) == settings


class TestTheCommand:
    def test_it_prints_every_setting_as_data(self) -> None:
        done = longtail("settings", "--config", "demo", "--set", "seed=4", "--format", "json")
        assert (done.code, done.err) == (0, "")
        records = json.loads(done.out)
        assert [record["key"] for record in records] == KEYS
        assert records[0] == {
            "key": "seed",
            "value": 4,
            "default": 0,
            "range": "between 0 and 4294967295",
            "meaning": next(s.meaning for s in DESCRIBED if s.key == "seed"),
        }

    @pytest.mark.parametrize("width", [80, 110, 200])
    def test_its_table_cuts_nothing(self, width: int) -> None:
        console = Console(width=width, file=io.StringIO(), highlight=False)
        print_settings(DESCRIBED, console)
        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert max(map(len, lines)) <= width
        words = set(" ".join(lines).split())
        for setting in DESCRIBED:
            assert {setting.key, *setting.meaning.split()} <= words, setting.key

    def test_its_table_names_the_file_and_every_key(self) -> None:
        done = longtail("settings")
        assert done.code == 0
        assert done.err.startswith(f"settings: {name_for_this_machine()} (shipped)")
        assert [key for key in KEYS if key not in done.out] == []

    def test_an_unknown_name_says_which_there_are(self) -> None:
        done = longtail("settings", "--config", "cup")
        assert done.code == 1
        assert done.err.rstrip().endswith("found by name: cpu, demo, gpu")


class TestTrainingWithoutAConfig:
    def train(self, shop_files: Path, out: Path, *options: object) -> str:
        """Return what a training says on stderr that is refused when it reads the catalog."""
        words = ("train", shop_files, "--out", out, "--set", "data.template={nothing}", *options)
        done = longtail(*words)
        assert "no column 'nothing'" in done.complaint
        return done.err

    @pytest.mark.parametrize("name", ["cpu", "gpu"])
    def test_it_takes_the_shipped_file_for_the_machine_and_names_it(
        self, name: str, shop_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shipped, "name_for_this_machine", lambda: name)
        said = self.train(shop_files, tmp_path / "run")
        assert f"settings: {name} (shipped); see `longtail settings`\n" in said

    def test_one_that_is_named_is_taken_without_a_word(
        self, shop_files: Path, tmp_path: Path
    ) -> None:
        assert "settings:" not in self.train(shop_files, tmp_path / "run", "--config", "demo")


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "docs/settings.md is out of date: run `python -m longtail.settings_reference`"
    )
