"""Catalogs and logs of every format and naming come out the same."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.records import split_record
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent

NOW = 1_750_000_000.0
ITEMS = pd.DataFrame(
    {
        "item_id": ["0700026657", "B2", "B3"],
        "title": ['Pipe, 3" "long"', "Zürich\nclock", "Pan"],
        "categories": ["Tools", "Home", ""],
        "price": [9.5, 20.0, 3.0],
    }
)
EVENTS = pd.DataFrame(
    {
        "user_id": ["u2", "u1", "u1", "u2", "u1"],
        "item_id": ["B2", "B3", "0700026657", "0700026657", "B2"],
        "timestamp": [1_700_000_300, 1_700_000_200, 1_700_000_100, 1_700_000_000, 1_700_000_250],
        "rating": [5.0, 4.0, 3.0, 2.0, 1.0],
    }
)


def write(frame: pd.DataFrame, path: Path) -> Path:
    kind = path.name.split(".")[1]
    compression = "gzip" if path.name.endswith(".gz") else None
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True, compression=compression)
    else:
        frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",", compression=compression)
    return path


def catalog_of(path: Path, progress: Progress = silent, **said: Any) -> Catalog:
    return read_catalog(path, reading=Reading(**said), rejected=RejectedRows(), progress=progress)


def log_of(path: Path, catalog: Catalog, progress: Progress = silent, **said: Any) -> Interactions:
    return read_interactions(
        path,
        catalog,
        reading=Reading(**said),
        rejected=RejectedRows(),
        now=NOW,
        progress=progress,
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return catalog_of(write(ITEMS, tmp_path / "fixture.parquet"))


@pytest.mark.parametrize(
    "suffix", ["csv", "csv.gz", "tsv", "tsv.gz", "jsonl", "jsonl.gz", "parquet"]
)
def test_a_catalog_reads_alike_from_every_format(tmp_path: Path, suffix: str) -> None:
    found = catalog_of(write(ITEMS, tmp_path / f"items.{suffix}"))
    assert found.item_ids.tolist() == ["0700026657", "B2", "B3"]
    assert found.frame["title"].tolist() == ITEMS["title"].tolist()
    assert found.frame["price"].tolist() == [9.5, 20.0, 3.0]
    assert found.template == "{title}. {categories}"
    assert found.texts() == ['Pipe, 3" "long". Tools', "Zürich clock. Home", "Pan"]


@pytest.mark.parametrize(
    "suffix", ["csv", "csv.gz", "tsv", "tsv.gz", "jsonl", "jsonl.gz", "parquet"]
)
def test_a_log_reads_alike_from_every_format(tmp_path: Path, catalog: Catalog, suffix: str) -> None:
    log = log_of(write(EVENTS, tmp_path / f"interactions.{suffix}"), catalog)
    who = log.user_ids[log.user].tolist()
    what = catalog.item_ids[log.item].tolist()
    events = list(zip(who, what, log.time.tolist(), strict=True))
    assert sorted(events) == sorted(
        zip(EVENTS["user_id"], EVENTS["item_id"], EVENTS["timestamp"], strict=True)
    )
    assert who == sorted(who, key=log.user_ids.tolist().index)
    for user in range(2):
        assert (np.diff(log.time[log.user == user]) > 0).all()
    assert log.weight is not None
    assert log.weight[who.index("u1")] == 3.0
    assert log.has_clock
    assert log.part is None


@pytest.mark.parametrize(
    ("user", "item", "time"),
    [
        ("userId", "movieId", "timestamp"),
        ("user", "item", "ts"),
        ("user_id:token", "item_id:token", "timestamp:float"),
        ("reviewerID", "asin", "unixReviewTime"),
        ("user_id", "parent_asin", "timestamp"),
        ("customer_id", "article_id", "t_dat"),
        ("USER ID", "Product-ID", "Date"),
        ("session_id", "track_id", "pos"),
    ],
)
def test_names_of_the_ecosystem_are_recognised(
    tmp_path: Path, catalog: Catalog, user: str, item: str, time: str
) -> None:
    renamed = EVENTS.rename(columns={"user_id": user, "item_id": item, "timestamp": time})
    log = log_of(write(renamed, tmp_path / "interactions.csv"), catalog)
    assert len(log) == 5
    assert log.has_clock == (time != "pos")


def test_our_own_name_beats_an_alias(tmp_path: Path, catalog: Catalog) -> None:
    both = EVENTS.assign(asin="nothing in the catalog")
    assert len(log_of(write(both, tmp_path / "interactions.csv"), catalog)) == 5


def test_a_real_time_beats_an_ordinal(tmp_path: Path, catalog: Catalog) -> None:
    both = EVENTS.rename(columns={"timestamp": "date"}).assign(pos=range(5))
    assert log_of(write(both, tmp_path / "interactions.csv"), catalog).has_clock


def test_two_aliases_for_one_role_are_an_error_that_lists_both(
    tmp_path: Path, catalog: Catalog
) -> None:
    both = EVENTS.rename(columns={"item_id": "asin"}).assign(parent_asin="B2")
    path = write(both, tmp_path / "interactions.csv")
    with pytest.raises(DataError, match=r"'asin' and 'parent_asin'.*column item_id=asin"):
        log_of(path, catalog)
    assert len(log_of(path, catalog, columns={"item_id": "asin"})) == 5


def test_a_mapped_column_wins_over_our_own_name(tmp_path: Path) -> None:
    frame = ITEMS.assign(label_text=["a", "b", "c"])
    found = catalog_of(
        write(frame, tmp_path / "items.csv"), columns={"title": "label_text"}, template="{title}"
    )
    assert found.texts() == ["a", "b", "c"]
    assert found.frame["title_in_file"].tolist() == ITEMS["title"].tolist()


def test_one_mapping_serves_files_that_name_the_item_differently(
    tmp_path: Path, catalog: Catalog
) -> None:
    path = write(EVENTS, tmp_path / "interactions.csv")
    assert len(log_of(path, catalog, columns={"item_id": "asin"})) == 5


def test_a_missing_column_says_what_was_found_and_how_to_map(
    tmp_path: Path, catalog: Catalog
) -> None:
    path = write(EVENTS.rename(columns={"user_id": "who"}), tmp_path / "interactions.csv")
    with pytest.raises(DataError, match=r"user_id; found: who, item_id, .*column user_id=COLUMN"):
        log_of(path, catalog)
    assert len(log_of(path, catalog, columns={"user_id": "who"})) == 5


def test_a_mapping_to_a_column_or_role_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = write(ITEMS, tmp_path / "items.csv")
    with pytest.raises(DataError, match="no column 'nmae' to read title from"):
        catalog_of(path, columns={"title": "nmae"})
    with pytest.raises(DataError, match="'colour' is not a role"):
        catalog_of(path, columns={"colour": "price"})


def test_a_column_name_given_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,title\na,b,c\n")
    with pytest.raises(DataError, match="two columns are named 'title'"):
        catalog_of(path)


def test_lists_are_joined_and_other_columns_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    rows = [
        {"asin": 1, "name": "A", "category": [["X", "Y"], ["Z"]], "new": True, "year": 1999},
        {"asin": 2, "name": "B", "category": [], "new": False, "year": None, "more": {"k": 1}},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    found = catalog_of(path)
    assert found.item_ids.tolist() == ["1", "2"]
    assert found.frame["categories"].tolist() == ["X, Y, Z", ""]
    assert found.frame["new"].tolist() == [True, False]
    assert found.frame["year"].iloc[0] == 1999
    assert np.isnan(found.frame["year"].iloc[1])
    assert found.frame["more"].tolist() == ["", '{"k": 1}']


def test_parquet_lists_are_joined_and_whole_float_ids_are_spelt_as_integers(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pd.DataFrame(
        {"item_id": [10.0, 11.0], "title": ["a", "b"], "genres": [["x", "y"], ["z"]]}
    ).to_parquet(path)
    found = catalog_of(path)
    assert found.item_ids.tolist() == ["10", "11"]
    assert found.frame["categories"].tolist() == ["x, y", "z"]


def test_a_code_with_leading_zeros_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,shelf,stock\na,b,007,7\nc,d,100,\n")
    frame = catalog_of(path).frame
    assert frame["shelf"].tolist() == ["007", "100"]
    assert frame["stock"].iloc[0] == 7


def test_numbers_and_strings_as_ids_are_read_as_text_and_noted(
    tmp_path: Path, catalog: Catalog
) -> None:
    path = tmp_path / "interactions.jsonl"
    path.write_text(
        '{"user_id": 7, "item_id": "B2", "timestamp": 1700000000}\n'
        '{"user_id": "7", "item_id": "B3", "timestamp": 1700000001}\n'
    )
    rejected = RejectedRows()
    log = read_interactions(path, catalog, rejected=rejected, now=NOW)
    assert log.user_ids.tolist() == ["7"]
    assert any("numbers and text" in note for note in rejected.notes)


def test_the_order_of_the_file_stands_for_a_missing_time(tmp_path: Path, catalog: Catalog) -> None:
    path = write(EVENTS.drop(columns="timestamp"), tmp_path / "interactions.csv")
    rejected = RejectedRows()
    log = read_interactions(path, catalog, rejected=rejected, now=NOW)
    first = log.user_ids.tolist().index("u1")
    assert catalog.item_ids[log.item[log.user == first]].tolist() == ["B3", "0700026657", "B2"]
    assert not log.has_clock
    assert "no timestamp column" in rejected.notes[0]


def test_labels_and_given_parts_are_read(tmp_path: Path, catalog: Catalog) -> None:
    frame = EVENTS.assign(label=[1, 0, 1, 1, 1], split=["test", "train", "Train", "dev", "valid"])
    log = log_of(write(frame, tmp_path / "interactions.csv"), catalog)
    assert log.label is not None
    assert log.part is not None
    assert int(log.label.sum()) == 4
    assert sorted(log.part.tolist()) == [0, 0, 1, 1, 2]


def test_repeated_events_become_one_and_are_counted(tmp_path: Path, catalog: Catalog) -> None:
    twice = pd.concat([EVENTS.assign(label=0), EVENTS.head(2).assign(label=1)])
    rejected = RejectedRows()
    path = write(twice, tmp_path / "interactions.csv")
    log = read_interactions(path, catalog, rejected=rejected, now=NOW)
    assert len(log) == 5
    assert log.label is not None
    assert int(log.label.sum()) == 2
    assert "2 repeated events" in rejected.notes[0]


def test_a_catalog_of_one_item_can_be_read(tmp_path: Path) -> None:
    assert len(catalog_of(write(ITEMS.head(1), tmp_path / "items.csv"))) == 1


def test_a_stored_catalog_comes_back_with_its_template(tmp_path: Path, catalog: Catalog) -> None:
    catalog.save(tmp_path / "catalog.parquet")
    again = Catalog.load(tmp_path / "catalog.parquet")
    pd.testing.assert_frame_equal(again.frame, catalog.frame)
    assert again.template == catalog.template
    write(ITEMS, tmp_path / "plain.parquet")
    with pytest.raises(DataError, match="not a stored catalog"):
        Catalog.load(tmp_path / "plain.parquet")


def test_unknown_items_have_no_row_but_near_ids(catalog: Catalog) -> None:
    assert catalog.rows_of(["B3", "nope", "0700026657"]).tolist() == [2, -1, 0]
    assert catalog.near_ids("700026657") == ["0700026657"]
    assert catalog.near_ids("b2")[0] == "B2"


def test_progress_is_reported_up_to_the_whole_file(tmp_path: Path, catalog: Catalog) -> None:
    path = write(EVENTS, tmp_path / "interactions.csv")
    calls: list[tuple[str, int, int]] = []
    log_of(path, catalog, progress=lambda step, done, total: calls.append((step, done, total)))
    assert calls[-1] == ("reading interactions", path.stat().st_size, path.stat().st_size)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(titles=st.lists(cells.map(lambda c: "t" + c), min_size=1, max_size=8))
def test_any_titles_survive_the_way_through_csv(tmp_path: Path, titles: list[str]) -> None:
    frame = pd.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    found = catalog_of(write(frame, tmp_path / "items.csv"), template="{title}")
    assert found.frame["title"].tolist() == titles


@settings(max_examples=100)
@given(st.lists(cells, min_size=1, max_size=6))
def test_a_quoted_record_splits_into_its_cells(fields: list[str]) -> None:
    quoted = ",".join('"' + field.replace('"', '""') + '"' for field in fields)
    assert split_record(quoted.encode(), b",") == [field.encode() for field in fields]


def test_gzip_and_plain_hold_the_same_log(tmp_path: Path, catalog: Catalog) -> None:
    plain = write(EVENTS, tmp_path / "interactions.csv")
    zipped = tmp_path / "interactions.csv.gz"
    zipped.write_bytes(
        gzip.compress(plain.read_bytes()[:60]) + gzip.compress(plain.read_bytes()[60:])
    )
    assert log_of(zipped, catalog).time.tolist() == log_of(plain, catalog).time.tolist()
