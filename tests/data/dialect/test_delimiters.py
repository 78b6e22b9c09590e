"""Delimited files are read whatever stands between their cells, with or without a header line."""

from pathlib import Path

import numpy as np
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.users_file import read_users
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError

NOW = 1_750_000_000.0
ITEMS = [("1", "Tea pot, blue", "Home|Tea"), ("2", "Cup", "Home"), ("3", "Lamp (1999)", "Light")]
EVENTS = [("u1", "1", "5", "1700000000"), ("u2", "3", "4", "1700000100")]


def items_of(path: Path, reading: Reading = AS_THEY_ARE) -> Catalog:
    return read_catalog(path, reading=reading, rejected=RejectedRows())


def log_of(path: Path, catalog: Catalog, reading: Reading = AS_THEY_ARE) -> Interactions:
    return read_interactions(path, catalog, reading=reading, rejected=RejectedRows(), now=NOW)


def write(path: Path, rows: list[tuple[str, ...]], delimiter: str) -> Path:
    lines = [delimiter.join(f'"{c}"' if delimiter in c else c for c in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["items.csv", "items.tsv", "items.txt", "items.dat"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "::"])
def test_the_delimiter_is_told_by_the_first_lines(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    path = write(tmp_path / name, [("item_id", "title", "genres"), *ITEMS], delimiter)
    frame = items_of(path).frame
    assert frame["title"].tolist() == [title for _, title, _ in ITEMS]
    assert frame["categories"].tolist() == [kinds for _, _, kinds in ITEMS]


def test_pipes_may_stand_between_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "items.csv", [("item_id", "title"), ("1", "A, b"), ("2", "C")], "|")
    assert items_of(path).frame["title"].tolist() == ["A, b", "C"]


def test_recbole_files_stay_tabs(tmp_path: Path) -> None:
    (tmp_path / "a.item").write_text("item_id:token\ttitle:token_seq\n1\tA, b; c|d\n2\tE, f; g|h\n")
    assert items_of(tmp_path / "a.item").frame["title"].tolist() == ["A, b; c|d", "E, f; g|h"]


def test_a_delimiter_that_was_said_counts_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id~title\n1~A\n2~B\n")
    (tmp_path / "log.csv").write_text("user_id,item_id\nu,1\nv,2\n")
    reading = Reading(delimiter="~")
    catalog = items_of(tmp_path / "items.csv", reading)
    assert catalog.item_ids.tolist() == ["1", "2"]
    assert len(log_of(tmp_path / "log.csv", catalog, reading)) == 2


def test_half_a_delimiter_is_text(tmp_path: Path) -> None:
    rows = [("item_id", "title"), ("1", "Star Wars: IV"), ("2", "a:"), ("3", "x\x1fy")]
    path = write(tmp_path / "items.dat", rows, "::")
    assert items_of(path).frame["title"].tolist() == ["Star Wars: IV", "a:", "x\x1fy"]


def test_a_file_without_a_header_says_how_to_name_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "ratings.dat", EVENTS, "::")
    catalog = items_of(write(tmp_path / "items.csv", [("item_id", "title"), ("1", "A")], ","))
    numbers = write(tmp_path / "numbers.dat", [("7", "1", "5", "1700000000")] * 3, "::")
    for file in (path, numbers):
        with pytest.raises(DataError, match=r"first line holds data.*'\w+::1::5::17") as caught:
            log_of(file, catalog)
        assert "names user_id,item_id,weight,timestamp" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("delimiter", ["::", ",", ";", "\t", "|"])
def test_a_file_without_a_header_is_read_with_names(tmp_path: Path, delimiter: str) -> None:
    reading = Reading(
        names={
            "items": ["item_id", "title", "genres"],
            "log": ["user_id", "item_id", "weight", "timestamp"],
        }
    )
    rows = [(i, title, "x") for i, title, _ in ITEMS]
    catalog = items_of(write(tmp_path / "movies.dat", rows, delimiter), reading)
    assert catalog.item_ids.tolist() == ["1", "2", "3"]
    assert catalog.frame["title"][0] == "Tea pot, blue"
    log = log_of(write(tmp_path / "ratings.dat", EVENTS, delimiter), catalog, reading)
    assert log.user_ids.tolist() == ["u1", "u2"]
    assert log.time.tolist() == [1700000000, 1700000100]
    assert log.weight is not None
    assert log.weight.tolist() == [5, 4]


def test_names_may_replace_those_of_a_header_line(tmp_path: Path) -> None:
    path = write(tmp_path / "items.csv", [("item_id", "Spalte2"), ("1", "A"), ("2", "B")], ",")
    for names in (["item_id", "title"], "item_id, title"):
        catalog = items_of(path, Reading(names=names))
        assert catalog.frame["title"].tolist() == ["A", "B"]


def test_too_few_names_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "items.dat", ITEMS, "::")
    with pytest.raises(DataError, match=r"has 3 columns .* names 2: item_id,title"):
        items_of(path, Reading(names=["item_id", "title"]))


def test_a_header_with_years_in_it_is_a_header(tmp_path: Path) -> None:
    rows = [("item_id", "title", "2019", "2020"), ("1", "A", "3", "4")]
    assert items_of(write(tmp_path / "items.csv", rows, ",")).frame["2019"].tolist() == [3]


def test_more_columns_than_a_table_has_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title," + ",".join(f"c{n}" for n in range(20_000)) + "\n1,A\n")
    with pytest.raises(DataError, match=r"has 20,002 columns; at most 10,000"):
        items_of(path)


def test_a_decimal_comma_is_read_where_semicolons_stand_between_cells(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id;title;Preis;year\n1;A;1.234,50;1999\n2;B;7;2001\n3;C;;2002\n")
    frame = items_of(path).frame
    assert frame["Preis"].tolist()[:2] == [1234.5, 7]
    assert np.isnan(frame["Preis"][2])
    assert frame["year"].tolist() == [1999, 2001, 2002]
    (tmp_path / "log.csv").write_text("user_id;item_id;rating\nu;1;4,5\nv;2;3\n")
    log = log_of(tmp_path / "log.csv", items_of(path))
    assert log.weight is not None
    assert log.weight.tolist() == [4.5, 3]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"'])
@pytest.mark.parametrize("cell", ["A", '"A\nB"'])
def test_the_line_in_which_a_spreadsheet_says_its_delimiter_is_none_of_the_table(
    tmp_path: Path, first: str, cell: str
) -> None:
    path = tmp_path / "items.csv"
    path.write_text(f"{first}\nitem_id;title\n1;{cell}\n2;C, d\n")
    frame = items_of(path).frame
    assert frame["item_id"].tolist() == ["1", "2"]
    assert frame["title"].tolist() == [cell.strip('"'), "C, d"]


def test_a_file_of_words_without_a_header_is_told_of_names(tmp_path: Path) -> None:
    path = write(tmp_path / "news.tsv", [("N1", "sports", "Cup won"), ("N2", "food", "Tea")], "\t")
    with pytest.raises(DataError, match=r"no column for item_id; found: N1.* with names"):
        items_of(path)


def test_users_with_decimal_commas_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_id;income;kind\nu;1.200,50;a\nv;800;b\nw;;c\n")
    users = read_users(tmp_path / "users.csv", rejected=RejectedRows())
    income = next(column for column in users.columns if column.name == "income")
    assert income.numbers is not None
    assert sorted(income.numbers.tolist()) == [800, 1200.5]
