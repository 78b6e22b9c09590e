"""Cached negatives: when the table they come from is read again, and bfloat16 by the hardware."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_shop import NO_STAGE, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.training.stages.stage_settings import StageSettings, TextStageSettings
from longtail.training.stages.stages import Stages
from longtail.training.towers import bfloat16
from longtail.training.towers.bfloat16 import uses_bfloat16
from longtail.training.towers.two_tower import TwoTower
from longtail.training.train import train_engine
from longtail.training.trainer.trainer import planned_steps

STAGE = TextStageSettings(
    epochs=20,
    max_steps=6,
    batch_size=16,
    uniform_negatives=16,
    trainable_layers=1,
    fresh_texts="targets",
    text_encoder_lr=1e-2,
    evaluations_per_epoch=0.01,
)


# Of six steps; the only evaluation is after the last.
@pytest.mark.parametrize(("every", "readings"), [(0, 1), (2, 3), (4, 2), (5, 2)])
def test_the_table_is_read_again_on_its_schedule_and_at_evaluations(
    every: int,
    readings: int,
    tiny_bert: Path,
    catalog: Catalog,
    split: Split,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = []
    own = Stages._refresh

    def refresh(stages: Stages, model: TwoTower) -> None:
        before = model.pooled.clone()
        own(stages, model)
        if not torch.equal(before, model.pooled):
            tables.append(model.pooled.clone())

    monkeypatch.setattr(Stages, "_refresh", refresh)
    stage = STAGE.changed(refresh_steps=every)
    chosen = settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE, text=stage)
    train_engine(catalog, split, chosen, tmp_path / "run")
    assert len(tables) == readings
    assert all(not np.array_equal(a, b) for a, b in pairwise(tables))


def test_a_stage_is_planned_by_its_examples_or_its_limit() -> None:
    assert planned_steps(StageSettings(epochs=2, batch_size=10), 100) == (20, 10)
    assert planned_steps(StageSettings(epochs=2, batch_size=5, gradient_accumulation=2), 100) == (
        20,
        10,
    )
    assert planned_steps(StageSettings(max_steps=4, batch_size=10), 100) == (4, 4)
    assert planned_steps(StageSettings(epochs=1, batch_size=500), 100) == (1, 1)


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_the_hardware_s_choice_and_told_where_it_is_slow(
    fast: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bfloat16, "bfloat16_is_fast", lambda *_: fast)
    with caplog.at_level(logging.WARNING, "longtail.training"):
        assert not uses_bfloat16(False)
        assert uses_bfloat16("auto") == fast
        assert not caplog.records
        assert uses_bfloat16(True)
    assert [("bf16: auto" in record.message) for record in caplog.records] == [True] * (not fast)
