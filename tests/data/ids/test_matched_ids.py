"""Ids that match nothing, matched by another spelling; and users who are nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.ids.identifier import names_nobody
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError


def _read(folder: Path, ids: list[str], rows: list[tuple[str, str]], match: str) -> Interactions:
    (folder / "items.csv").write_text(
        "item_id,title\n" + "".join(f"{i},Cup {n}\n" for n, i in enumerate(ids))
    )
    log = "".join(f"{user},{item},{1_700_000_000 + n}\n" for n, (user, item) in enumerate(rows))
    (folder / "log.csv").write_text("user_id,item_id,timestamp\n" + log)
    catalog = read_catalog(folder / "items.csv", rejected=RejectedRows())
    rejected = RejectedRows()
    found = read_interactions(
        folder / "log.csv", catalog, reading=Reading(match=match or None), rejected=rejected
    )
    (folder / "notes").write_text("\n".join(rejected.notes))
    return found


@pytest.mark.parametrize(
    ("match", "ours", "theirs"),
    [
        ("zeros", ["0001", "0002"], ["1", "2"]),
        ("case", ["AB1", "AB2"], ["ab1", "ab2"]),
        ("trim", ["1", "2"], ["'1'", "\u200b2"]),
        ("unicode", ["1", "café"], ["１", "cafe\u0301"]),
        ("last", ["1", "2"], ["gid://shopify/Product/1", "gid://shopify/Product/2"]),
    ],
)
def test_an_error_names_the_option_that_makes_ids_match(
    tmp_path: Path, match: str, ours: list[str], theirs: list[str]
) -> None:
    rows = [(f"u{n}", item) for n, item in enumerate(theirs)]
    with pytest.raises(DataError, match=f"2 of the 2 would match .*: match {match}"):
        _read(tmp_path, ours, rows, "")
    assert _read(tmp_path, ours, rows, match).item.tolist() == [0, 1]


def test_decimals_beside_other_ids_match_where_that_was_said(tmp_path: Path) -> None:
    rows = [("u", "1.0"), ("u", "b")]
    assert _read(tmp_path, ["1", "b"], rows, "decimal").item.tolist() == [0, 1]


def test_items_that_a_spelling_makes_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="items '1' and '01' are one by match zeros"):
        _read(tmp_path, ["1", "01"], [("u", "001")], "zeros")


@pytest.mark.parametrize("word", ["(null)", "游客", "匿名", "ゲスト", "비회원", "Gast", "invitado"])
def test_words_for_guests_are_no_users(word: str) -> None:
    assert names_nobody(word)


@pytest.mark.parametrize("word", ["0", "-1", "-", "NA"])
def test_an_id_that_may_be_nobody_is_named_where_it_has_far_the_most(
    tmp_path: Path, word: str
) -> None:
    rows = [(word if n % 3 else f"u{n % 13}", str(n % 5)) for n in range(120)]
    _read(tmp_path, [*"01234"], rows, "")
    assert f"{word!r} is often written for no user" in (tmp_path / "notes").read_text()
