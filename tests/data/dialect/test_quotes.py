"""Records are what RFC 4180 says; none is made up, and what isn't one is set aside."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.quotes import are_well_quoted
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.records import records
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import read_table

NOW = 1_750_000_000.0


def rows_of(path: Path, content: str) -> tuple[list[list[str]], dict[str, int]]:
    path.write_text(content, encoding="utf-8")
    rejected = RejectedRows()
    table = read_table(path, rejected)
    cells = [column.to_pylist() for column in table.columns.values()]
    rows = [[cell.decode() for cell in row] for row in zip(*cells, strict=True)]
    return rows, {reason: n for (_, reason), n in rejected.counts().items()}


def test_a_first_cell_may_go_on_over_several_lines(tmp_path: Path) -> None:
    content = (
        'title,item_id\n"Two-line\ntitle",B001\nPlain,B002\n"Three\nlines, all\nof two",B003\n'
    )
    rows, bad = rows_of(tmp_path / "items.csv", content)
    assert rows == [
        ["Two-line\ntitle", "B001"], ["Plain", "B002"], ["Three\nlines, all\nof two", "B003"],
    ]  # fmt: skip
    assert bad == {}


def test_lines_of_a_cell_may_look_like_records(tmp_path: Path) -> None:
    content = (
        'item_id,title,description\nA1,Pot,"Holds one litre.\nGlazed, stackable, heavy"\n'
        'A2,Cup,Plain\nA3,Tin,"Two\na, b, c\nd, ""e"", f"\nA4,Tray,x\n'
    )
    rows, bad = rows_of(tmp_path / "items.csv", content)
    assert [row[0] for row in rows] == ["A1", "A2", "A3", "A4"]
    assert rows[2][2] == 'Two\na, b, c\nd, "e", f'
    assert bad == {}


def test_a_stray_quote_at_the_start_of_every_line_makes_no_records_up(tmp_path: Path) -> None:
    lines = [f'"u{n},i{n},{n}\n' for n in range(20)]
    content = "user_id,item_id,timestamp\n" + "".join(lines) + "u,i,1\n"
    rows, bad = rows_of(tmp_path / "log.csv", content)
    assert rows == [["u", "i", "1"]]
    assert bad == {"quote never closed": 20}


@pytest.mark.parametrize("line", ['"u"x,i,1', 'u,"i"x,1', 'u,i,"1"2', '"u""x"y,i,1', '""x,i,1'])
def test_text_after_a_closing_quote_is_a_bad_record(tmp_path: Path, line: str) -> None:
    content = f"user_id,item_id,timestamp\na,b,1\n{line}\nc,d,2\n"
    rows, bad = rows_of(tmp_path / "log.csv", content)
    assert rows == [["a", "b", "1"], ["c", "d", "2"]]
    assert bad == {"text after a closing quote": 1}


def test_a_cell_over_two_lines_with_text_after_its_quote_is_one_bad_record(tmp_path: Path) -> None:
    rows, bad = rows_of(tmp_path / "items.csv", 'title,item_id\n"Two\nlines"x,B1\nPlain,B2\n')
    assert rows == [["Plain", "B2"]]
    assert bad == {"text after a closing quote": 1}


def test_quotes_within_a_cell_without_quotes_are_text(tmp_path: Path) -> None:
    content = 'item_id,title\n1,3" pipe\n2,the "best" one\n3,"a ""b"" c"\n4,""\n'
    rows, bad = rows_of(tmp_path / "items.csv", content)
    assert [title for _, title in rows] == ['3" pipe', 'the "best" one', 'a "b" c', ""]
    assert bad == {}


def test_an_id_that_spells_records_stays_one_id(tmp_path: Path) -> None:
    forged = "x\n" + "".join(f"victim,a,{1_700_000_000 + n}\n" for n in range(40)) + "y"
    events = pd.DataFrame({"user_id": [forged, "u"], "item_id": "a", "timestamp": 1_700_000_000})
    events.to_csv(tmp_path / "log.csv", index=False)
    rejected = RejectedRows()
    table = read_table(tmp_path / "log.csv", rejected)
    assert [cell.decode() for cell in table.columns["user_id"].to_pylist()] == [forged, "u"]
    assert len(rejected) == 0


def test_movie_titles_in_quotes_are_text_where_two_colons_stand_between(tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_text('1::"Great" Cats (1998)::Drama\n2::"Half::Comedy\n')
    reading = Reading(names=["item_id", "title", "genres"])
    catalog = read_catalog(tmp_path / "movies.dat", reading=reading, rejected=RejectedRows())
    assert catalog.frame["title"].tolist() == ['"Great" Cats (1998)', '"Half']


cells = st.text(st.sampled_from('ab",\n '), max_size=6)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_whatever_a_writer_quotes_comes_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("item_id", "title"), *rows])
    assert rows_of(tmp_path / "items.csv", out.getvalue()) == ([list(row) for row in rows], {})


@settings(max_examples=300)
@given(st.lists(st.text(st.sampled_from('ab", '), max_size=8), min_size=1, max_size=4))
@example(['a"', '"a,"a"'])
@example(['a",""a'])
def test_a_look_at_the_quotes_finds_what_the_parser_refuses(lines: list[str]) -> None:
    block = "".join(f"{line}\n" for line in lines).encode()
    reasons = {why for line in lines for _, why in records(iter([line.encode()]), 2, b",")}
    if "text after a closing quote" in reasons:
        assert not are_well_quoted(block, b",")
    elif "quote never closed" not in reasons:
        assert are_well_quoted(block, b",")


def test_a_catalog_with_cells_of_several_lines_keeps_all_items(tmp_path: Path) -> None:
    items = pd.DataFrame(
        {"item_id": [f"i{n}" for n in range(50)], "title": "Tea, pot\nblue, large", "note": "x"}
    )
    items.to_csv(tmp_path / "items.csv", index=False)
    rejected = RejectedRows()
    catalog = read_catalog(tmp_path / "items.csv", rejected=rejected)
    assert isinstance(catalog, Catalog)
    assert catalog.item_ids.tolist() == items["item_id"].tolist()
    log = pd.DataFrame({"user_id": "u", "item_id": items["item_id"]})
    log.to_csv(tmp_path / "log.csv", index=False)
    assert len(read_interactions(tmp_path / "log.csv", catalog, rejected=rejected, now=NOW)) == 50
    assert len(rejected) == 0
