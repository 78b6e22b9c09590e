"""The comparison on the screen, and the sentences under it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from toy_evaluation import evaluation_of, hits, many_methods

from longtail.evaluation.report.summary import summary
from longtail.evaluation.report.table import comparison_table
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims


def printed(table: Table, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def column(table: Table, heading: str) -> list[str]:
    return {str(c.header): [str(cell) for cell in c.cells] for c in table.columns}[heading]


def test_only_what_is_proven_is_marked() -> None:
    value = {"[red]one": hits(500, 60), "two": hits(500, 20), "three": hits(500, 58)}
    found = evaluation_of({n: {"recall": v, "coverage": v} for n, v in value.items()})
    table = comparison_table(found)
    # Nobody is bold: the best and the next may be equal. "two" is provably below the first line.
    assert column(table, "R@10") == [".1200 ", ".1160 ", ".0400↓"]
    # Showing everything is no merit: the random baseline does.
    assert column(table, "coverage") == ["12 %", "12 %", "4 %"]
    assert set(column(table, "N@10")) == {"–"}
    assert "[red]one" in printed(table)


def test_the_best_of_a_column_is_bold_where_it_is_proven() -> None:
    value = {"longtail": hits(500, 20), "EASE": hits(500, 70)}
    table = comparison_table(evaluation_of({n: {"recall": v} for n, v in value.items()}))
    assert column(table, "R@10") == [".0400 ", "[bold].1400[/bold]↑"]


def test_thirteen_methods_at_five_strengths_fit_on_a_screen() -> None:
    found = many_methods()
    claims = Claims.of(found, "longtail (debias 0.25)", resamples=500)
    table = comparison_table(found, "x", claims=claims)
    text = printed(table)
    assert len(column(table, "R@10")) == 14
    assert "51 more debias strengths" in " ".join(text.split())
    assert "…" not in text
    for heading in ("R@10", "pool R", "pct."):
        assert heading in text


def test_without_values_of_single_users_nothing_is_marked() -> None:
    metrics = {"longtail": {"recall@10": 0.1}, "two": {"recall@10": 0.2}}
    table = comparison_table(Evaluation(metrics, {}, pd.DataFrame(), {}, {}, 10))
    assert column(table, "R@10") == [".1000", ".2000"]
    assert "not tested" in printed(table)


def one_target_each(n_users: int, found: int, tail_found: int) -> dict[str, NDArray[np.float64]]:
    """Return users of whom the first half has a tail target; ``tail_found`` of ``found`` there."""
    half = n_users // 2
    recall = np.concatenate([hits(half, tail_found), hits(half, found - tail_found)])
    tail = np.where(np.arange(n_users) < half, recall, np.nan)
    return {"recall": recall, "tail_recall": tail}


def sentences(ours: tuple[int, int], theirs: tuple[int, int], n_users: int = 2000) -> str:
    rival, us = one_target_each(n_users, *theirs), one_target_each(n_users, *ours)
    found = evaluation_of({"popularity": rival, "longtail": us}, n_tail=n_users // 2)
    return summary(found, Claims.of(found, resamples=2000))


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        (
            (240, 80),
            (60, 25),
            "longtail finds 3.2x as many tail items as popularity (80 against 25 of 1,000), "
            "with more overall (recall@10 .1200 against .0300).",
        ),
        (
            (60, 50),
            (240, 10),
            "longtail finds 5.0x as many tail items as popularity (50 against 10 of 1,000), "
            "with less overall (recall@10 .0300 against .1200).",
        ),
        (
            (62, 10),
            (60, 40),
            "longtail finds 0.2x as many tail items as popularity (10 against 40 of 1,000), "
            "with no significant difference overall (recall@10 .0310 against .0300).",
        ),
        (
            (60, 22),
            (60, 20),
            "longtail finds about as many tail items as popularity (22 against 20 of 1,000: no "
            "significant difference), with no significant difference overall (recall@10 .0300 "
            "against .0300).",
        ),
        (
            (60, 20),
            (60, 0),
            "longtail finds tail items where popularity finds none (20 against 0 of 1,000), "
            "with no significant difference overall (recall@10 .0300 against .0300).",
        ),
        (
            (40, 0),
            (60, 0),
            "Neither longtail nor popularity finds any of 1,000 tail items; "
            "overall recall@10 .0200 against .0300.",
        ),
    ],
)
def test_the_summary_tells_the_truth_whoever_wins(
    ours: tuple[int, int], theirs: tuple[int, int], sentence: str
) -> None:
    assert sentences(ours, theirs).startswith(sentence)


def test_the_summary_states_interval_and_users() -> None:
    found = sentences((240, 80), (60, 25))
    assert "tail recall +.0550 (95 % interval +.0" in found
    assert "1,000 users), overall +.0900 (95 % interval +.0" in found


def test_the_dial_is_named_where_it_gives_more_tail_at_the_same_overall_recall() -> None:
    value = {
        "longtail (debias 1)": one_target_each(2000, 100, 70),
        "longtail": one_target_each(2000, 220, 60),
        "EASE": one_target_each(2000, 150, 40),
    }
    found = evaluation_of(value, n_tail=1000)
    text = summary(found, Claims.of(found, "longtail (debias 1)", resamples=2000))
    assert "with less overall" in text
    assert "At no less overall recall than EASE, longtail's dial reaches a tail recall +.02" in text


def test_numbers_that_were_not_tested_are_no_claim() -> None:
    metrics = {
        name: {"recall@10": r, "tail_recall@10": t, "tail_recall_micro@10": t}
        for name, r, t in (("popularity", 0.03, 0.02), ("longtail", 0.12, 0.08))
    }
    found = Evaluation(metrics, {}, pd.DataFrame(), {"targets": {"tail": 1000}}, {}, 10)
    assert summary(found, Claims.of(found)) == (
        "longtail against popularity: tail items found 80 against 20 of 1,000; overall recall@10 "
        ".1200 against .0300. Not tested for significance."
    )


def test_the_summary_names_the_strongest_rival_and_not_our_own_settings() -> None:
    value = {
        "longtail": one_target_each(2000, 300, 100),
        "longtail (debias 0.3)": one_target_each(2000, 280, 110),
        "random": one_target_each(2000, 20, 10),
        "EASE": one_target_each(2000, 260, 50),
    }
    found = evaluation_of(value, n_tail=1000)
    text = summary(found, Claims.of(found, resamples=2000))
    assert "2.0x as many tail items as EASE, the best of the others overall (100 against 50" in text


def test_one_recommender_alone_is_described() -> None:
    found = evaluation_of({"longtail": one_target_each(100, 10, 5)})
    assert summary(found, Claims.of(found)) == "longtail: overall recall@10 .1000, tail .1000."
