"""A training whose item tower learned from the log: kept where it pays, left out with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toy_shop import NO_STAGE, answers, noisy_catalog, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import TRAIN
from longtail.retrieval.data.splits import Split
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import work_folder
from longtail.retrieval.towers.paired_item_tower import PairedItemTower
from longtail.training.co_taken.co_taken_settings import CoTakenSettings
from longtail.training.settings import TrainingSettings, UserTowerSettings
from longtail.training.towers.frozen_layers import LayerStack
from longtail.training.towers.split_encoder import SplitEncoder
from longtail.training.train import train_engine


def tuning(tiny_bert: Path, **changes: Any) -> TrainingSettings:
    stage: dict[str, Any] = {
        "epochs": 4,
        "batch_size": 8,
        "trainable_layers": 1,
        "encoder_lr": 1e-3,
        "linear_lr": 3e-4,
    }
    return settings_for(
        tiny_bert, history=NO_STAGE, encoder=NO_STAGE, co_taken=CoTakenSettings(**(stage | changes))
    )


def report(run: Path) -> dict[str, Any]:
    stages: list[dict[str, Any]] = list(Retriever.open(run).bundle.summary["stages"])
    assert stages[0]["stage"] == "co_taken"
    return stages[0]


class TestTunedTower:
    def test_the_index_holds_what_both_towers_say(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        catalog = noisy_catalog(catalog)
        train_engine(catalog, split, tuning(tiny_bert), tmp_path / "run")
        retriever = Retriever.open(tmp_path / "run")
        tower = retriever.bundle.item_tower
        assert isinstance(tower, PairedItemTower)
        stored = retriever.ranking.index.vectors(np.arange(len(catalog)))
        # Vectors of texts are kept in half precision, so not to the last bit.
        assert (stored * tower.encode(catalog.texts())).sum(axis=1).min() > 0.9999
        told = report(tmp_path / "run")
        assert told["after"]["balance"] > 1.1 * told["before"]["balance"]
        assert answers(tmp_path / "run", split).groupby("user_id").size().eq(10).all()

    def test_without_a_gain_the_pretrained_tower_stays_alone(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        plain = settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE)
        train_engine(catalog, split, plain, tmp_path / "plain")
        train_engine(catalog, split, tuning(tiny_bert, least_gain=9.0), tmp_path / "undone")
        undone = report(tmp_path / "undone")
        assert not undone["kept"]
        assert undone["after"] == undone["before"]
        pd.testing.assert_frame_equal(
            answers(tmp_path / "undone", split), answers(tmp_path / "plain", split)
        )

    def test_it_ends_when_epochs_bring_no_gain(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        # Texts that say all there is to say: nothing is left to learn.
        chosen = tuning(tiny_bert, epochs=4, patience=1, encoder_lr=1e-6, linear_lr=1e-6)
        train_engine(catalog, split, chosen, tmp_path / "run")
        assert len(report(tmp_path / "run")["epochs"]) < 4

    @pytest.mark.parametrize(
        ("step", "done"),
        [("training the item tower", 1), ("training the item tower", 20), ("relevance head", 0)],
    )
    def test_resume_ends_where_an_unbroken_training_ends(
        self,
        step: str,
        done: int,
        tiny_bert: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
    ) -> None:
        catalog, chosen = noisy_catalog(catalog), tuning(tiny_bert)

        def interrupt(name: str, at: int, total: int) -> None:
            if name == step and at >= done:
                raise KeyboardInterrupt

        train_engine(catalog, split, chosen, tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):
            train_engine(catalog, split, chosen, tmp_path / "cut", progress=interrupt)
        assert work_folder(tmp_path / "cut").is_dir()
        train_engine(catalog, split, chosen, tmp_path / "cut", resume=True)
        whole, cut = (Retriever.open(tmp_path / name).bundle for name in ("whole", "cut"))
        assert whole.item_tower.fingerprint() == cut.item_tower.fingerprint()
        pd.testing.assert_frame_equal(
            answers(tmp_path / "cut", split), answers(tmp_path / "whole", split)
        )


class TestLeftOut:
    def test_texts_that_are_all_alike(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        frame = catalog.frame.assign(title="tea", description="leaves")
        train_engine(Catalog(frame, catalog.template), split, tuning(tiny_bert), tmp_path / "run")
        assert "1 different texts" in report(tmp_path / "run")["left_out"]

    def test_texts_that_say_nothing(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        frame = catalog.frame.assign(title="", description="")
        train_engine(Catalog(frame, catalog.template), split, tuning(tiny_bert), tmp_path / "run")
        assert "different texts" in report(tmp_path / "run")["left_out"]

    def test_a_log_of_one_user(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        log = split.interactions
        own = log.user == log.user[0]
        alone = replace(split, interactions=log.select(own))
        train_engine(catalog, alone, tuning(tiny_bert), tmp_path / "run")
        assert "teach nothing" in report(tmp_path / "run")["left_out"]

    def test_a_user_tower_that_reads_with_the_same_encoder(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        settings = tuning(tiny_bert).changed(user_tower=UserTowerSettings(kind="text"))
        train_engine(catalog, split, settings, tmp_path / "run")
        assert "own encoder" in report(tmp_path / "run")["left_out"]

    def test_no_layer_that_trains(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        train_engine(catalog, split, tuning(tiny_bert, trainable_layers=0), tmp_path / "run")
        assert "no layer trains" in report(tmp_path / "run")["left_out"]

    def test_an_encoder_that_holds_no_list_of_layers(
        self,
        tiny_bert: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(LayerStack, "of", lambda encoder: LayerStack(encoder, "", ()))
        train_engine(catalog, split, tuning(tiny_bert), tmp_path / "run")
        assert "no list of layers" in report(tmp_path / "run")["left_out"]


class TestHardCases:
    def test_an_encoder_that_can_t_be_run_from_its_middle_is_run_whole(
        self,
        tiny_bert: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(SplitEncoder, "of", lambda *_: None)
        train_engine(noisy_catalog(catalog), split, tuning(tiny_bert), tmp_path / "run")
        assert report(tmp_path / "run")["kept"]

    def test_items_that_were_taken_once_each(
        self, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        # Of each item the first training event; validation and test as they are.
        log = split.interactions
        training = np.flatnonzero(split.part == TRAIN)
        _, first = np.unique(log.item[training], return_index=True)
        kept = split.part != TRAIN
        kept[training[first]] = True
        train_engine(
            catalog,
            replace(split, interactions=log.select(kept)),
            tuning(tiny_bert),
            tmp_path / "run",
        )
        assert report(tmp_path / "run")["stage"] == "co_taken"
