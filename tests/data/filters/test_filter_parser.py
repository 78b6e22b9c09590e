"""Filters are read in time that grows with their length, and by no text as more than it says."""

from __future__ import annotations

from contextlib import suppress

import pytest
from growth import MOST, growth
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.filter_parser import most_clauses, read_clauses
from longtail.retrieval.errors import QueryError

COLUMNS = ("brand", "shelf life", "price")
# What filters are made of, and what a careless pattern stumbles over.
PIECES = st.sampled_from(
    [*" '\"=<>!~,|()ax\n", "in", "in (", "not in (", " and ", "brand", "shelf life", "O'", "a=1,"]
)


def read(text: str) -> object:
    with suppress(QueryError):
        return read_clauses(text, COLUMNS)
    return None


@settings(max_examples=60)
@given(
    st.sampled_from(["", "a=", "a in (", " and ", "'", '"']),
    st.lists(PIECES, min_size=1, max_size=4).map("".join),
    st.sampled_from(["", ")", "=", "'", " and a=1"]),
)
def test_reading_takes_time_by_the_length(before: str, unit: str, after: str) -> None:
    def work(size: int) -> None:
        text = before + unit * (size // len(unit)) + after
        read(text)
        most_clauses(text)

    assert growth(work, 600) < MOST


@pytest.mark.parametrize(
    "unit", [" ", "in(", "in (", ",", ", ", " and ", "'", "'\"", "a=", "a in ('x',", "('"]
)
def test_a_filter_that_says_nothing_is_read_as_fast_as_another(unit: str) -> None:
    assert growth(lambda size: read(unit * (size // len(unit)) + "a"), 1_000) < MOST


@given(st.lists(PIECES, max_size=12).map("".join))
def test_operators_bound_the_conditions(text: str) -> None:
    with suppress(QueryError):
        assert len(read_clauses(text, COLUMNS)) <= most_clauses(text)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("brand=O'Neil, price<3", [("brand", ("O'Neil",)), ("price", ("3",))]),
        ("brand='a, price<3'", [("brand", ("a, price<3",))]),
        ("'odd, name'=3 and price<3", [("odd, name", ("3",)), ("price", ("3",))]),
        ("brand in ('x, y', z), price in (1)", [("brand", ("x, y", "z")), ("price", ("1",))]),
        ("brand='a|b'|c", [("brand", ("a|b", "c"))]),
        ('title~5" and price<3', [("title", ('5"',)), ("price", ("3",))]),
        ("brand=x\n and\tprice<3", [("brand", ("x",)), ("price", ("3",))]),
    ],
)
def test_quotes_and_joints(text: str, read_as: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(c.column, c.values) for c in read_clauses(text, COLUMNS)] == read_as


def test_half_a_character_is_refused() -> None:
    with pytest.raises(QueryError, match="no text"):
        read_clauses("brand=\ud800", COLUMNS)
