"""The screen that ends a training: what was left out, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from longtail.console.training.training_summary import print_training_summary
from longtail.files.input_files import set_aside_lines
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.run.bundle import open_bundle
from longtail.training.train import Trained


@pytest.fixture
def trained(trained_run: Path) -> Trained:
    return Trained(open_bundle(trained_run), trained_run)


def words(text: str) -> str:
    """Return text as it was before the screen broke its lines."""
    return " ".join(text.split())


def test_what_was_set_aside_is_said_again_with_its_reasons(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    rejected = RejectedRows()
    rejected.note("log.csv: column t holds one time [in 9 events]")
    rejected.add(Path("log.csv"), np.array([3, 4]), "t", "timestamp in the future", ["a", "b"])
    print_training_summary(trained, set_aside_lines(rejected, Path("rejected.csv")))
    shown = words(capsys.readouterr().out)
    assert "note: log.csv: column t holds one time [in 9 events]" in shown
    assert "2 rows were set aside; see rejected.csv (2 timestamp in the future)" in shown


@pytest.mark.parametrize("suspected", [False, True])
def test_the_reason_is_given_where_counts_are_no_evidence(
    trained: Trained, suspected: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"suspected": suspected, "reason": "the catalog seems filtered by its own future"}
    head = {**trained.bundle.summary["relevance"], "counts": False, "future_filter": found}
    summary = {**trained.bundle.summary, "relevance": head}
    print_training_summary(replace(trained, bundle=replace(trained.bundle, summary=summary)))
    shown = words(capsys.readouterr().out)
    assert ("counts are no evidence (relevance.counts): the catalog seems" in shown) is suspected
