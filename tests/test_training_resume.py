"""Interrupted trainings: nothing half done is left, and resuming ends where no break would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from toy_shop import (
    answers,
    settings_for,
    shop_split,
)

from evaluation.splits import Split
from retrieval.bundle import work_folder
from retrieval.catalog import Catalog
from retrieval.errors import BundleError
from retrieval.retriever import Retriever
from training.fit import train_engine
from training.settings import TrainingSettings
from training.work import ResumeError


def interrupt_at(step: str, done: int) -> Callable[[str, int, int], None]:
    def progress(name: str, at: int, total: int) -> None:
        if name == step and at >= done:
            raise KeyboardInterrupt

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
        with pytest.raises(BundleError, match="--resume"):
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

    def test_other_settings_or_data_are_not_resumed(
        self, quick: TrainingSettings, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        out = tmp_path / "run"
        with pytest.raises(KeyboardInterrupt):
            train_engine(catalog, split, quick, out, progress=interrupt_at("relevance head", 0))
        for changed, data in (
            (replace(quick, seed=1), split),
            (quick, shop_split(catalog, seed=5)),
        ):
            with pytest.raises(ResumeError, match="without --resume") as error:
                train_engine(catalog, data, changed, out, resume=True)
            assert "\n" not in str(error.value)
        assert not out.exists()
        train_engine(catalog, split, replace(quick, seed=1), out)  # starting over is allowed
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
