"""Interrupted trainings: nothing half done is left, and resuming ends where no break would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from checkout import PROGRAMS
from processes import output_of_python
from toy_shop import (
    answers,
    settings_for,
    shop_split,
)
from transformers import Trainer

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import BundleError
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import read_manifest, work_folder
from longtail.training.settings import TrainingSettings
from longtail.training.train import train_engine
from longtail.training.work_folder import ResumeError, prepare_work_folder


def interrupt_at(step: str, done: int) -> Callable[[str, int, int], None]:
    def progress(name: str, at: int, total: int) -> None:
        if name == step and at >= done:
            raise KeyboardInterrupt

    return progress


def refuse(step: str) -> Callable[[str, int, int], None]:
    def progress(name: str, at: int, total: int) -> None:
        assert name != step

    return progress


class TestInterruption:
    @pytest.mark.parametrize(
        ("step", "done"),
        [
            ("reading item texts", 32),
            ("training history", 9),
            ("training encoder", 2),
            ("relevance head", 0),
        ],
    )
    def test_resume_ends_where_an_unbroken_training_ends(
        self,
        step: str,
        done: int,
        trained_run: Path,
        tiny_bert: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
    ) -> None:
        out, chosen = tmp_path / "run", settings_for(tiny_bert)
        with pytest.raises(KeyboardInterrupt):
            train_engine(catalog, split, chosen, out, progress=interrupt_at(step, done))
        assert [path.name for path in tmp_path.iterdir()] == [work_folder(out).name]
        with pytest.raises(BundleError, match="again with resume"):
            Retriever.open(out)
        train_engine(catalog, split, chosen, out, resume=True)
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
        pd.testing.assert_frame_equal(answers(out, split), answers(trained_run, split))

    def test_a_checkpoint_cut_off_in_the_middle_is_passed_over(
        self, tiny_bert: Path, catalog: Catalog, split: Split, trained_run: Path, tmp_path: Path
    ) -> None:
        out, chosen = tmp_path / "run", settings_for(tiny_bert)
        with pytest.raises(KeyboardInterrupt):
            train_engine(catalog, split, chosen, out, progress=interrupt_at("training history", 9))
        checkpoints = work_folder(out) / "checkpoints" / "history"
        torn = checkpoints / "checkpoint-9"
        torn.mkdir()
        (torn / "model.safetensors").write_bytes(b"half of it")
        train_engine(catalog, split, chosen, out, resume=True)
        pd.testing.assert_frame_equal(answers(out, split), answers(trained_run, split))

    def test_stages_that_had_ended_are_not_trained_again(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        out, chosen = tmp_path / "run", settings_for(tiny_bert)
        with pytest.raises(KeyboardInterrupt):
            train_engine(catalog, split, chosen, out, progress=interrupt_at("training encoder", 2))
        trained = set()

        def progress(step: str, done: int, total: int) -> None:
            trained.add(step)

        train_engine(catalog, split, chosen, out, resume=True, progress=progress)
        assert "training encoder" in trained
        assert "training history" not in trained
        stages = read_manifest(out)["summary"]["stages"]
        assert [stage["stage"] for stage in stages] == ["history", "encoder", "serving"]

    def test_a_stage_whose_last_checkpoint_ended_it_takes_no_further_step(
        self,
        trained_run: Path,
        tiny_bert: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        out, chosen = tmp_path / "run", settings_for(tiny_bert)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            # After the last step, before anything is made of it.
            patched.setattr(Trainer, "_finalize_training", killed)
            with pytest.raises(KeyboardInterrupt):
                train_engine(catalog, split, chosen, out)
        last = max(
            (work_folder(out) / "checkpoints" / "history").iterdir(),
            key=lambda folder: int(folder.name.removeprefix("checkpoint-")),
        )
        assert json.loads((last / "trainer_state.json").read_text())["global_step"] > 9
        train_engine(catalog, split, chosen, out, resume=True, progress=refuse("training history"))
        pd.testing.assert_frame_equal(answers(out, split), answers(trained_run, split))

    @pytest.mark.slow
    def test_trainings_killed_at_random_moments_end_as_the_same_files(self, tmp_path: Path) -> None:
        found = json.loads(output_of_python(PROGRAMS / "killed_trainings.py", tmp_path, 2, 1))
        assert found["kills"] >= 4
        assert found["different"] == []
        assert found["files"] > 30
        # Where a stage is kept its weights count, where it is undone that it leaves no trace.
        assert found["kept"] == {"history": True, "encoder": False, "text": True, "serving": True}
        assert min(found["evaluations"][stage] for stage in ("history", "encoder", "text")) > 2

    def test_another_number_of_processes_is_not_resumed(
        self, quick: TrainingSettings, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        out = tmp_path / "run"
        prepare_work_folder(out, catalog, split, quick, 2, resume=False)
        with pytest.raises(ResumeError, match="another number of processes"):
            prepare_work_folder(out, catalog, split, quick, 1, resume=True)

    def test_other_settings_or_data_are_not_resumed(
        self, quick: TrainingSettings, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        out = tmp_path / "run"
        with pytest.raises(KeyboardInterrupt):
            train_engine(catalog, split, quick, out, progress=interrupt_at("relevance head", 0))
        for changed, data in (
            (quick.changed(seed=1), split),
            (quick, shop_split(catalog, seed=5)),
        ):
            with pytest.raises(ResumeError, match="without resume") as error:
                train_engine(catalog, data, changed, out, resume=True)
            assert "\n" not in str(error.value)
        assert not out.exists()
        train_engine(catalog, split, quick.changed(seed=1), out)  # starting over is allowed
        assert not work_folder(out).exists()

    def test_resume_with_nothing_to_resume_starts(
        self, quick: TrainingSettings, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        train_engine(catalog, split, quick, tmp_path / "run", resume=True)
        assert (tmp_path / "run" / "manifest.json").is_file()

    def test_an_engine_that_stood_there_stands_until_the_new_one_is_done(
        self, quick: TrainingSettings, catalog: Catalog, split: Split, run_copy: Path
    ) -> None:
        before = (run_copy / "manifest.json").read_bytes()
        with pytest.raises(KeyboardInterrupt):
            train_engine(
                catalog, split, quick, run_copy, progress=interrupt_at("relevance head", 0)
            )
        assert (run_copy / "manifest.json").read_bytes() == before
        train_engine(catalog, split, quick, run_copy, resume=True)
        assert (run_copy / "manifest.json").read_bytes() != before
        Retriever.open(run_copy)
