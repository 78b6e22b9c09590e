"""Mistyped ids find those that were meant, in time that doesn't grow with the catalog."""

from __future__ import annotations

import difflib

import pytest

from longtail.retrieval.data.ids.near_ids import NearIds

MANY = [f"user-{n:06d}" for n in range(20_000)]


def test_the_most_alike_comes_first_and_the_unlike_not_at_all() -> None:
    assert NearIds.of(["zz", "b123", "a", "b1"]).find("b12") == ["b123", "b1"]
    assert NearIds.of([]).find("b12") == []
    assert NearIds.of(["a"]).find("\ud800") == []


@pytest.mark.parametrize(
    "misspelt",
    ["user-015050x", "user-0150500", "usr-015050", "015050", "USER-015050", "uzer-015050"],
)
def test_a_slip_at_either_end_finds_the_meant_one(misspelt: str) -> None:
    near = NearIds.of(MANY).find(misspelt)
    assert "user-015050" in near


@pytest.mark.parametrize("misspelt", ["", "a", "user-5O0", "zzzz", "user-015050" * 50])
def test_few_of_many_are_compared(misspelt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    monkeypatch.setattr(
        difflib, "get_close_matches", lambda _, ids, n: compared.append(len(ids)) or []
    )
    NearIds.of(MANY).find(misspelt)
    assert len(compared) == 1
    assert compared[0] <= 100
