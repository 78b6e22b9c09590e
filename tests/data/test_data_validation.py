"""Bad rows are set aside with their number and reason; hopeless files are one clear error."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError

NOW = 1_750_000_000.0
CATALOG = Catalog(pd.DataFrame({"item_id": ["a", "b"], "title": ["A", "B"]}), "{title}")


def read_items(path: Path, content: bytes | str) -> tuple[Catalog, list[dict[str, str]]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rejected = RejectedRows()
    catalog = read_catalog(path, rejected=rejected)
    return catalog, rows_written(rejected, path.parent / "rejected.csv")


def read_log(path: Path, content: bytes | str) -> tuple[Interactions, list[dict[str, str]]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rejected = RejectedRows()
    log = read_interactions(path, CATALOG, rejected=rejected, now=NOW)
    return log, rows_written(rejected, path.parent / "rejected.csv")


def rows_written(rejected: RejectedRows, path: Path) -> list[dict[str, str]]:
    rejected.write(path)
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(rejected)
    return rows


def reasons(rows: list[dict[str, str]]) -> list[tuple[int, str, str]]:
    return [(int(row["row"]), row["column"], row["reason"]) for row in rows]


def test_items_without_id_or_text_and_repeated_ids_are_set_aside(tmp_path: Path) -> None:
    catalog, rows = read_items(
        tmp_path / "items.csv", "item_id,title\na,A\n ,B\nc,\na,again\nd,  \ne,E\n"
    )
    assert catalog.item_ids.tolist() == ["a", "e"]
    assert reasons(rows) == [
        (2, "item_id", "no item_id"),
        (3, "{title}", "no text"),
        (4, "item_id", "item_id again (the first is kept)"),
        (5, "{title}", "no text"),
    ]
    assert rows[0]["file"] == str(tmp_path / "items.csv")
    assert rows[2]["value"] == "a"


def test_an_item_whose_first_row_was_unusable_is_kept_from_the_second(tmp_path: Path) -> None:
    catalog, rows = read_items(
        tmp_path / "items.csv", b"item_id,title\na,\xe9\na,\xc3\xa9\nb,\xc3\xa0 la\n"
    )
    assert catalog.item_ids.tolist() == ["a", "b"]
    assert reasons(rows) == [(1, "title", "not UTF-8")]


def test_events_that_cannot_be_used_are_set_aside_each_for_its_reason(tmp_path: Path) -> None:
    log, rows = read_log(
        tmp_path / "log.csv",
        "user_id,item_id,timestamp,label,split,rating\n"
        "u,a,1700000000,1,train,3\n"
        ",a,1700000001,1,train,3\n"
        "u,zz,1700000002,1,train,3\n"
        "u,,1700000003,1,train,3\n"
        "u,a,soon,1,train,3\n"
        "u,a,1999999999,1,train,3\n"
        "u,a,1700000006,2,train,3\n"
        "u,a,1700000007,1,holdout,3\n"
        "u,a,1700000008,1,test,lots\n"
        "u,b,1700000009,0,test,\n",
    )
    assert reasons(rows) == [
        (2, "user_id", "no user"),
        (3, "item_id", "item not in the catalog"),
        (4, "item_id", "no item"),
        (5, "timestamp", "timestamp can't be read"),
        (6, "timestamp", "timestamp in the future"),
        (7, "label", "label is not 0 or 1"),
        (8, "split", "unknown split name"),
    ]
    assert [row["value"] for row in rows] == [
        "", "zz", "", "soon", "1999999999", "2", "holdout",
    ]  # fmt: skip
    assert log.time.tolist() == [1700000000, 1700000008, 1700000009]
    assert log.weight is not None
    assert log.weight[0] == 3
    assert np.isnan(log.weight[1:]).all()


def test_a_user_whose_events_were_all_set_aside_is_not_a_user(tmp_path: Path) -> None:
    log, _ = read_log(tmp_path / "log.csv", "user_id,item_id\nghost,zz\nu,a\n")
    assert log.user_ids.tolist() == ["u"]
    assert log.user.tolist() == [0]


def test_nul_bytes_are_named_and_shown(tmp_path: Path) -> None:
    catalog, rows = read_items(tmp_path / "items.csv", b"item_id,title\na,A\nb,B\x00B\n")
    assert catalog.item_ids.tolist() == ["a"]
    assert reasons(rows) == [(2, "title", "NUL byte")]
    assert rows[0]["value"] == r"B\x00B"
    _, rows = read_log(tmp_path / "log.csv", b"user_id,item_id\nu\x00,a\nu,a\n")
    assert reasons(rows) == [(1, "user_id", "NUL byte")]


def test_latin_1_cells_in_a_utf_8_file_are_set_aside_with_their_bytes(tmp_path: Path) -> None:
    lines = b"".join(f"{n},Caf\u00e9 {n}\n".encode() for n in range(5))
    catalog, rows = read_items(
        tmp_path / "items.csv", b"item_id,title\n" + lines + "x,Café\n".encode("latin-1")
    )
    assert len(catalog) == 5
    assert reasons(rows) == [(6, "title", "not UTF-8")]
    assert rows[0]["value"] == r"Caf\xe9"
    log, rows = read_log(tmp_path / "log.csv", b"user_id,item_id\n\xc3\xa0,a\n\xe9,a\n\xc3\xa9,b\n")
    assert len(log) == 2
    assert reasons(rows) == [(2, "user_id", "not UTF-8")]


def test_a_file_that_is_mostly_in_no_encoding_is_one_error(tmp_path: Path) -> None:
    # Half of it is Windows-1252, half is UTF-8 and doesn't read as anything else.
    lines = [f"{n},Café {n}\n".encode("cp1252") for n in range(50)]
    lines += [f"{n},Łódź {n} ✓\n".encode() for n in range(50, 90)]
    with pytest.raises(DataError, match=r"50 of 90 rows \(first row 1\) is not UTF-8") as caught:
        read_items(tmp_path / "items.csv", b"item_id,title\n" + b"".join(lines))
    assert "GB18030" in str(caught.value)
    assert "iconv" not in str(caught.value)
    with pytest.raises(DataError, match=r"most of column user_id .* is not UTF-8"):
        read_log(tmp_path / "log.csv", b"user_id,item_id\n\x81\x98\xff,a\n\x98\x90,a\n")


def test_lines_with_too_many_or_too_few_cells_are_set_aside(tmp_path: Path) -> None:
    log, rows = read_log(
        tmp_path / "log.csv", "user_id,item_id,timestamp\nu,a,1\nu,b\n\nu,b,2,3\nu,b,4\n"
    )
    assert log.time.tolist() == [1, 4]
    assert reasons(rows) == [
        (2, "(line)", "wrong number of cells"),
        (3, "(line)", "wrong number of cells"),
    ]
    assert rows[1]["value"] == "u,b,2,3"


@pytest.mark.parametrize("tail", ["", 'w,"b",9\n'])
def test_a_quote_that_is_never_closed_takes_only_its_own_line_along(
    tmp_path: Path, tail: str
) -> None:
    many = "".join(f"u{n},a,{n}\n" for n in range(2000))
    log, rows = read_log(tmp_path / "log.csv", 'user_id,item_id,timestamp\nu,"a,1\n' + many + tail)
    assert len(log) == 2000 + bool(tail)
    assert reasons(rows) == [(1, "(line)", "quote never closed")]


def test_a_cell_may_go_on_over_several_lines(tmp_path: Path) -> None:
    catalog, rows = read_items(
        tmp_path / "items.csv", 'item_id,title,note\na,"A\nlong, ""odd"" one\n\nindeed",x\nb,B,y\n'
    )
    assert rows == []
    assert catalog.frame["title"].tolist() == ['A\nlong, "odd" one\n\nindeed', "B"]


def test_one_bad_line_changes_nothing_about_the_others(tmp_path: Path) -> None:
    lines = [f'u{n % 7},"{"ab"[n % 2]}",{n},"note, {n}"\r\n' for n in range(500)]
    head = "user_id,item_id,timestamp,note\r\n"
    clean, _ = read_log(tmp_path / "clean.csv", head + "".join(lines))
    spoilt, rows = read_log(
        tmp_path / "spoilt.csv", head + "".join([*lines[:250], "u,a\r\n", *lines[250:]])
    )
    assert reasons(rows) == [(251, "(line)", "wrong number of cells")]
    assert spoilt.user_ids.tolist() == clean.user_ids.tolist()
    for name in ("user", "item", "time"):
        assert getattr(spoilt, name).tolist() == getattr(clean, name).tolist()


def test_unquoted_tsv_keeps_its_quotes(tmp_path: Path) -> None:
    catalog, rows = read_items(tmp_path / "items.tsv", 'item_id\ttitle\na\t"Half a quote\nb\tB\n')
    assert rows == []
    assert catalog.frame["title"].tolist() == ['"Half a quote', "B"]


def test_lines_that_are_not_json_objects_are_set_aside(tmp_path: Path) -> None:
    log, rows = read_log(
        tmp_path / "log.jsonl",
        b'{"user_id": "\xc3\xa9", "item_id": "a"}\n[1]\n{"user_id": "u"\n{"user_id": "\xe9"}\n'
        b'{"user_id": "\xc3\xa0", "item_id": "b", "x": 1}\n',
    )
    assert len(log) == 2
    assert reasons(rows) == [
        (2, "(line)", "not a JSON object"),
        (3, "(line)", "not valid JSON"),
        (4, "(line)", "not UTF-8"),
    ]


def test_a_text_of_a_megabyte_is_kept_cut_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\na,A\nb," + "word " * 210_000 + "\n")
    rejected = RejectedRows()
    catalog = read_catalog(path, rejected=rejected)
    assert len(rejected) == 0
    assert len(catalog.texts()[1]) <= 2000
    assert len(catalog.frame["title"][1]) > 1_000_000
    assert "row 2, column title: a text of 1,050,000 characters" in rejected.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("items.csv", b"", "the file is empty"),
        ("items.csv", b"\n\n", "the file is empty"),
        ("items.csv.gz", gzip.compress(b"", mtime=0), "the file is empty"),
        ("items.jsonl", b"\n", "the file is empty"),
        ("items.jsonl", b'[{"item_id": 1}]', "one object a line"),
        ("items.csv", b"item_id,title\ra,A\r", "lines end in CR alone"),
        ("items.csv", b"item_id,title\n", "has no rows, only a header"),
        ("items.csv", b"item_id,title\n,\n", "none of its 1 rows can be used.*no item_id"),
        ("items.csv", b"item_id,name_of\na,A\n", "no column for title; found: item_id, name_of"),
        ("items.csv.gz", b"item_id,title\na,A\n", "is not a gzip file"),
        ("items.csv", gzip.compress(b"x", mtime=0), "looks like gzip"),
        ("items.csv", b"PAR1", "looks like Parquet"),
        ("items.parquet", b"item_id,title\na,A\n", "is not a Parquet file"),
        ("items.parquet", b"PAR1 and then nothing", "not a whole Parquet file"),
        ("items.xlsx", b"PK", "is a spreadsheet: export it as CSV"),
        ("items.sql", b"INSERT INTO items", "a dump of one: export each table as CSV"),
        ("items.docx", b"PK", "files of type '.docx' aren't read"),
        ("items.parquet.gz", b"x", "aren't read"),
    ],
)
def test_a_hopeless_file_is_an_error_of_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_items(tmp_path / name, content)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_catalog(tmp_path / "items.csv", rejected=RejectedRows())
    with pytest.raises(DataError, match="is a folder"):
        read_catalog(tmp_path, rejected=RejectedRows())


@pytest.mark.parametrize("name", ["items.csv.gz", "items.jsonl.gz"])
def test_a_gzip_cut_off_in_the_middle_says_after_how_many_lines(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(1 << 60, size=20_000).tolist()
    if "csv" in name:
        text = "item_id,title\n" + "".join(f"{n},t{n}\n" for n in numbers)
    else:
        text = "".join(f'{{"item_id": "{n}", "title": "t"}}\n' for n in numbers)
    packed = gzip.compress(text.encode())
    with pytest.raises(DataError, match=r"cut off after [\d,]+ complete lines; nothing was read"):
        read_items(tmp_path / name, packed[: len(packed) // 2])


def test_a_log_of_another_catalog_shows_how_its_ids_differ(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its items look like 'zz', the catalog's like 'a'"):
        read_log(tmp_path / "log.csv", "user_id,item_id\nu,zz\n")


def test_a_template_with_an_unknown_column_lists_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\na,A\n")
    with pytest.raises(DataError, match="no column 'titel'; the catalog has: item_id, title"):
        read_catalog(path, reading=Reading(template="{titel}"), rejected=RejectedRows())


def test_set_aside_rows_are_counted_by_file_and_reason() -> None:
    rejected = RejectedRows()
    rejected.add(Path("f"), np.array([3, 1]), "c", "bad", ["x" * 100, "y"])
    rejected.add(Path("g"), np.array([2]), "c", "bad", ["z"])
    rejected.add(Path("f"), np.array([], np.int64), "c", "never", [])
    assert rejected.counts() == {("f", "bad"): 2, ("g", "bad"): 1}
    assert rejected.first(Path("f")) == "row 1, column c: bad ('y')"
    assert len(rejected) == 3


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match="can't write"):
        RejectedRows().write(tmp_path / "taken" / "rejected.csv")
