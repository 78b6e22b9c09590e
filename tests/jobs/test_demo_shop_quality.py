"""The demo shop at debias 0: nothing that could be run in an afternoon ranks better overall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import longtail

BASELINES = "popularity,recent-popularity,item-knn,rp3beta,ease"


@pytest.mark.slow
def test_no_baseline_is_above_debias_0(tmp_path: Path) -> None:
    """In the whole list, over all users: recall and NDCG at 10."""
    shop, run = tmp_path / "shop", tmp_path / "run"
    assert longtail("data", "synth", shop, "--items", 600, "--users", 1200).code == 0
    light = ("history.epochs=0", "encoder.epochs=0", "co_taken.epochs=0", "sequence.epochs=2")
    changes = [word for setting in light for word in ("--set", setting)]
    trained = longtail("train", shop, "--out", run, "--config", "demo", *changes)
    assert trained.code == 0, trained.err
    assert longtail("evaluate", run, "--baselines", BASELINES, "-k", 10, "--examples", 1).code == 0
    metrics = json.loads((run / "metrics.json").read_text())
    engine = metrics["metrics"]["longtail"]
    for name, measured in metrics["metrics"].items():
        if name.startswith("longtail"):
            continue
        for metric in ("recall@10", "ndcg@10"):
            assert measured[metric] <= engine[metric], (name, metric)
