"""The comparison on the screen, and the sentence under it."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from evaluation.results import Evaluation
from evaluation.table import comparison_table, summary_sentence


def test_the_table_prints_every_recommender_and_marks_the_best() -> None:
    values = {"recall@10": 0.1, "coverage@10": 0.5}, {"recall@10": 0.2, "coverage@10": 0.9}
    metrics = dict(zip(("[red]one", "two"), values, strict=True))
    table = comparison_table(Evaluation(metrics, {}, pd.DataFrame(), {}, {}, 10))
    columns = {str(column.header): list(column.cells) for column in table.columns}
    assert columns["R@10"] == [".1000", "[bold].2000[/bold]"]
    # Showing everything is no merit: the random baseline does.
    assert columns["coverage"] == ["50 %", "90 %"]
    assert columns["N@10"] == ["–", "–"]
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    assert "[red]one" in console.file.getvalue()  # type: ignore[attr-defined]


def numbers(name: str, recall: float, tail: float) -> dict[str, dict[str, float]]:
    values = {"recall@10": recall, "tail_recall@10": tail, "tail_recall_micro@10": tail}
    return {name: values}


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        (
            (0.12, 0.08),
            (0.03, 0.025),
            "longtail finds 3.2x as many tail items as popularity (80 against 25 of 1,000); "
            "overall recall@10 .1200 against .0300.",
        ),
        (
            (0.02, 0.01),
            (0.03, 0.02),
            "longtail finds 0.5x as many tail items as popularity (10 against 20 of 1,000); "
            "overall recall@10 .0200 against .0300.",
        ),
        (
            (0.02, 0.01),
            (0.03, 0.0),
            "longtail finds 10 of 1,000 tail items, popularity none; "
            "overall recall@10 .0200 against .0300.",
        ),
        (
            (0.02, 0.0),
            (0.03, 0.0),
            "Neither longtail nor popularity finds any of 1,000 tail items; "
            "overall recall@10 .0200 against .0300.",
        ),
    ],
)
def test_the_summary_tells_the_truth_whoever_wins(
    ours: tuple[float, float], theirs: tuple[float, float], sentence: str
) -> None:
    metrics = numbers("popularity", *theirs) | numbers("longtail", *ours)
    result = Evaluation(metrics, {}, pd.DataFrame(), {"targets": {"tail": 1000}}, {}, 10)
    assert summary_sentence(result) == sentence


def test_the_summary_names_the_strongest_rival_and_not_our_own_settings() -> None:
    metrics = (
        numbers("longtail", 0.15, 0.1)
        | numbers("longtail (debias 0.3)", 0.14, 0.11)
        | numbers("random", 0.01, 0.01)
        | numbers("EASE", 0.13, 0.05)
    )
    result = Evaluation(metrics, {}, pd.DataFrame(), {"targets": {"tail": 100}}, {}, 10)
    assert "2.0x as many tail items as EASE, the best of the others overall" in summary_sentence(
        result
    )
