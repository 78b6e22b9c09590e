"""What no reader sees or asked for is told; what honest shops write is left alone."""

from __future__ import annotations

import pandas as pd
import pytest

from longtail.retrieval.data.suspects.finding import INVISIBLE, MARKUP, REPEATED
from longtail.retrieval.data.suspects.text_oddities import text_oddities


def reasons(title: str, **columns: object) -> list[str]:
    items = pd.DataFrame(
        {"item_id": ["a"], "title": [title], **{k: [v] for k, v in columns.items()}}
    )
    return [finding.reason for finding in text_oddities(items, [title])]


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u2060", "\ufeff", "\u202e", "\u2066", "\x07", "\x1b", "\U000e0041"]
)
def test_characters_that_nobody_sees_are_told_by_name(hidden: str) -> None:
    items = pd.DataFrame({"item_id": ["a"], "title": [f"iron{hidden}pan"]})
    (finding,) = text_oddities(items, ["iron pan"])
    assert finding.reason == INVISIBLE
    assert finding.detail.startswith("its columns hold 1 ")
    assert hidden not in finding.detail


def test_they_are_found_in_every_column() -> None:
    assert reasons("pan", note="x\u200by", price=3.5) == [INVISIBLE]


@pytest.mark.parametrize(
    "honest",
    [
        "two\nlines\tand a tab",
        "Schiff\u00adfahrt",
        "می\u200cخواهم",
        "क्\u200dष",
        "family 👨\u200d👩\u200d👧",
        "\u200fעברית\u200e",
        "Crème brûlée — 20 °C",
    ],
)
def test_characters_that_scripts_need_are_honest(honest: str) -> None:
    assert not reasons(honest)


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_within_latin_words_are_hidden(joiner: str) -> None:
    assert reasons(f"sk{joiner}illet") == [INVISIBLE]


@pytest.mark.parametrize(
    "markup", ["<b>pan</b>", "pan<br/>", '<a href="x">pan</a>', "<script>x()</script>", "<!-- x"]
)
def test_markup_is_told(markup: str) -> None:
    assert reasons(markup) == [MARKUP]


@pytest.mark.parametrize("honest", ["for < 5 l and > 2 l", "a<b and c>d", "I <3 tea", "x > y < z"])
def test_signs_of_less_and_more_are_no_markup(honest: str) -> None:
    assert not reasons(honest)


def test_a_word_over_and_over_is_told_with_its_number() -> None:
    items = pd.DataFrame({"item_id": ["a"], "title": ["x"]})
    (finding,) = text_oddities(items, ["cheap tea " * 8 + "pot"])
    assert finding.reason == REPEATED
    assert finding.detail == "'cheap' is 8 of the 17 words of its text"


@pytest.mark.parametrize(
    "honest",
    [
        "7 set screw collars: 1/8 bore, 3/16 bore, 1/4 bore, 5/16 bore, 3/8 bore, 7/16 bore",
        "of a to of a to of a to of a to of a to of a to of a to of a to",
        "1 1 1 1 1 1 1 1 1 1 1 1",
    ],
)
def test_lists_of_parts_are_honest(honest: str) -> None:
    assert not reasons(honest)
