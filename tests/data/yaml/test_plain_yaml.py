"""Settings that multiply themselves, nest without end or say a key twice are refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail.index.errors import LongtailError
from longtail.retrieval.data.files.roles.kept_columns import NAME
from longtail.retrieval.plain_yaml import LONGEST_REASON, MOST_BYTES, parse_yaml, read_yaml
from longtail.settings.errors import SettingsError
from longtail.settings.settings_file import load_settings

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD = {
    "aliases that multiply": LAUGHS,
    "one alias": "history: &h {epochs: 1}\nencoder: *h",
    "an anchor": "history: &h {epochs: 1}",
    "a table that holds itself": "&a [*a]",
    "merged tables": "base: &b {epochs: 1}\nhistory:\n  <<: *b",
    "lists without end": "a: " + "[" * 10_000,
    "tables without end": "{a: " * 10_000,
    "indented without end": "\n".join(" " * i + "a:" for i in range(600)),
    "a key twice": "history: {epochs: 1}\nhistory: {epochs: 2}",
    "a key twice within": "history: {epochs: 1, epochs: 2}",
    "a number without end": "a: " + "9" * 10_000,
    "a date that is none": "a: 2024-13-45",
    "an object": "a: !!python/object/apply:os.system ['true']",
    "two documents": "a: 1\n---\nb: 2",
    "a key that is a list": "? [a]\n: 1",
    "a control character": "a: \x07",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_is_refused_in_a_short_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_yaml(text)
    assert len(str(refused.value)) <= LONGEST_REASON
    assert "\n" not in str(refused.value)
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="can't be read as YAML"):
        load_settings(path)
    with pytest.raises(SettingsError, match="can't be read as YAML") as refused_too:
        load_settings(None, [f"history.epochs={text}"])
    assert len(str(refused_too.value)) < 400


def test_equal_keys_of_different_tables_are_no_repetition() -> None:
    text = "history: {epochs: 1}\nencoder: {epochs: 1}\n1: a\n'1': b"
    assert parse_yaml(text) == {
        "history": {"epochs": 1},
        "encoder": {"epochs": 1},
        1: "a",
        "1": "b",
    }


def test_a_file_of_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("a: " + "x" * MOST_BYTES)
    with pytest.raises(ValueError, match="larger than"):
        read_yaml(path)


def test_kept_columns_are_read_as_plainly(tmp_path: Path) -> None:
    from longtail.retrieval.data.files.roles import kept_columns

    (tmp_path / NAME).write_text(LAUGHS)
    with pytest.raises(LongtailError, match="anchors and aliases") as refused:
        kept_columns._read(tmp_path / NAME)
    assert len(str(refused.value)) < 600


def test_a_message_over_a_key_of_megabytes_is_cut() -> None:
    error = LongtailError("unknown setting ", "x" * 1_000_000, "; see docs/settings.md")
    assert len(str(error)) < 2_100
    assert str(error).endswith("see docs/settings.md")
