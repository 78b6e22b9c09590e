"""Curves along the debias dial: matched recall, the Pareto front, and the picture's names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_evaluation import evaluation_of, hits, many_methods

from longtail.evaluation.significance.claims import Claims
from longtail.evaluation.significance.trade_off import (
    CurvePoint,
    curves,
    matched,
    pareto_front,
    tail_at,
)

CURVE = [
    CurvePoint("ours", 0.0, 0.30, 0.10),
    CurvePoint("ours (debias 0.5)", 0.5, 0.20, 0.16),
    CurvePoint("ours (debias 1)", 1.0, 0.10, 0.14),
]


def test_a_family_is_one_curve_by_rising_debias() -> None:
    value = {"recall": hits(10, 3), "tail_recall": hits(10, 2)}
    names = ["EASE (debias 1)", "EASE", "EASE (debias 0.5)", "longtail"]
    found = curves(evaluation_of(dict.fromkeys(names, value)))
    assert [point.debias for point in found["EASE"]] == [0, 0.5, 1]
    assert list(found) == ["EASE", "longtail"]


def test_a_strength_without_tail_recall_is_no_point() -> None:
    blind = {"recall": hits(10, 3), "tail_recall": np.full(10, np.nan)}
    assert curves(evaluation_of({"EASE": blind})) == {}


@pytest.mark.parametrize(
    ("overall", "tail"),
    [
        (0.30, 0.10),  # the end itself
        (0.25, 0.13),  # half way between two strengths
        (0.20, 0.16),
        (0.15, 0.16),  # the best at no less overall recall, not the value at exactly .15
        (0.01, 0.16),  # the curve doesn't come down so far
        (0.31, math.nan),  # and doesn't reach so high
    ],
)
def test_tail_recall_at_matched_overall_recall(overall: float, tail: float) -> None:
    assert tail_at(CURVE, overall) == pytest.approx(tail, nan_ok=True)


def test_a_matched_value_is_that_of_a_mixture_of_two_strengths() -> None:
    found = matched(CURVE, 0.27)
    assert found is not None
    assert (found.lower.debias, found.upper.debias) == (0, 0.5)
    assert found.share == pytest.approx(0.3)
    values = {
        "ours": {"recall": hits(100, 30), "tail_recall": hits(100, 10)},
        "ours (debias 0.5)": {"recall": hits(100, 20), "tail_recall": hits(100, 16)},
    }
    mixed = found.user_values(evaluation_of(values), "tail_recall")
    assert mixed.mean() == pytest.approx(found.tail)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6),
    st.floats(0, 1),
    st.floats(0, 1),
)
@settings(max_examples=100)
def test_asking_for_more_overall_recall_never_gives_more_tail(
    points: list[tuple[float, float]], one: float, other: float
) -> None:
    curve = [CurvePoint("m", i, *point) for i, point in enumerate(points)]
    less, more = sorted((one, other))
    if not math.isnan(tail_at(curve, more)):
        assert tail_at(curve, less) >= tail_at(curve, more) - 1e-9


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_nothing_beats_the_front_and_it_beats_all_else(pairs: list[tuple[int, int]]) -> None:
    points = [CurvePoint("m", 0, *pair) for pair in pairs]
    front = pareto_front(points)
    for point in points:
        beaten = [
            f
            for f in front
            if f.overall >= point.overall and f.tail >= point.tail and f is not point
        ]
        assert (point in front) or beaten
    for one in front:
        for other in points:
            assert not (
                other.overall >= one.overall
                and other.tail >= one.tail
                and (other.overall, other.tail) != (one.overall, one.tail)
            )


def test_matched_recall_is_tested_on_the_same_users() -> None:
    claims = Claims.of(many_methods(), resamples=1000)
    weak, equal = (claims.at_matched_recall(f"rival number {n}") for n in (9, 1))
    assert weak is not None
    assert equal is not None
    assert (weak.subject, weak.verdict) == ("longtail", "better")
    assert equal.verdict == "open"
