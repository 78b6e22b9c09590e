"""Frames of every kind go the way of a file, and what no file can hold is refused in a line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from longtail import Shop
from longtail.python.failures import MisuseError
from longtail.python.frames.arrow_table import as_table
from longtail.python.frames.ids import id_list
from longtail.retrieval.errors import DataError, QueryError

ITEMS = pd.DataFrame({"item_id": [7, 8, 9], "title": ["green tea", "tea pot", "tea cup"]})
LOG = pd.DataFrame(
    {
        "user_id": ["u1", "u1", "u2"],
        "item_id": [7, 8, 9],
        "timestamp": [1_700_000_000, 1_700_086_400, 1_700_172_800],
    }
)


class Interchanged:
    """A frame that speaks the interchange protocol alone."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._table = pa.Table.from_pandas(frame)

    def __dataframe__(self, *given: Any, **named: Any) -> Any:
        return self._table.__dataframe__(*given, **named)


def ids_of(shop: Shop) -> list[str]:
    return [str(item) for item in shop._data.catalog.item_ids]


@pytest.mark.parametrize(
    "kind",
    [
        pd.DataFrame.copy,
        pl.from_pandas,
        pa.Table.from_pandas,
        pa.RecordBatch.from_pandas,
        lambda frame: pa.Table.from_pandas(frame).to_reader(),
        Interchanged,
    ],
    ids=["pandas", "polars", "arrow", "batch", "stream", "interchange"],
)
def test_every_kind_of_frame_is_the_same_shop(kind: Callable[[pd.DataFrame], Any]) -> None:
    shop = Shop(kind(ITEMS), kind(LOG))
    assert ids_of(shop) == ["7", "8", "9"]
    assert repr(shop) == "Shop(3 items, 2 users, 3 interactions)"
    assert shop.notes == Shop(ITEMS, LOG).notes


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series([7, 8, 9], dtype="int32"),
        pd.Series([7, 8, 9], dtype="Int64"),
        pd.Series([7, 8, 9], dtype="int64[pyarrow]"),
        pd.Series(["7", "8", "9"], dtype="string[pyarrow]"),
        pd.Series(["7", "8", "9"], dtype="category"),
        pd.Series([7, 8, 9], dtype="category"),
        pd.Series([7, "8", np.int64(9)], dtype=object),
        pd.Series([7.0, 8.0, 9.0]),
    ],
    ids=["int32", "Int64", "arrow-int", "arrow-text", "category", "category-int", "mixed", "float"],
)
def test_ids_come_back_as_their_owner_spells_them(ids: pd.Series[Any]) -> None:
    assert ids_of(Shop(ITEMS.assign(item_id=ids))) == ["7", "8", "9"]
    # A file with the same cells in the log: nothing is unknown.
    shop = Shop(ITEMS, LOG.assign(item_id=ids))
    assert len(shop.rejected) == 0


def test_uuids_are_ids() -> None:
    ids = [UUID(int=number) for number in (1, 2, 3)]
    assert ids_of(Shop(ITEMS.assign(item_id=ids))) == [str(one) for one in ids]


def test_polars_categories_are_their_values() -> None:
    items = pl.from_pandas(ITEMS).with_columns(
        pl.col("item_id").cast(pl.String).cast(pl.Categorical)
    )
    assert ids_of(Shop(items)) == ["7", "8", "9"]


def test_missing_ids_are_set_aside_and_named_by_frame() -> None:
    items = ITEMS.assign(item_id=pd.array([7, None, 9], dtype="Int64"))
    shop = Shop(items, LOG, allow_loss=True)
    assert ids_of(shop) == ["7", "9"]
    assert set(shop.rejected["file"]) == {"items", "interactions"}
    of_items = shop.rejected[shop.rejected["file"] == "items"]
    assert of_items["row"].tolist() == [2]
    assert of_items["column"].tolist() == ["item_id"]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_datetimes_are_moments(zone: str | None) -> None:
    times = pd.to_datetime(LOG["timestamp"], unit="s", utc=True)
    local = times.dt.tz_localize(None) if zone is None else times.dt.tz_convert(zone)
    log = Shop(ITEMS, LOG.assign(timestamp=local))._data.log
    assert sorted(log.time.tolist()) == LOG["timestamp"].tolist()
    assert datetime.fromtimestamp(int(log.time.min()), UTC).year == 2023


def test_a_named_index_is_a_column_and_another_one_isnt() -> None:
    assert ids_of(Shop(ITEMS.set_index("item_id"))) == ["7", "8", "9"]
    assert ids_of(Shop(ITEMS[ITEMS["item_id"] != 8])) == ["7", "9"]


def test_names_that_are_no_texts_are_read_by_their_texts() -> None:
    items = ITEMS.rename(columns={"item_id": 0})
    assert ids_of(Shop(items, columns={"item_id": "0"})) == ["7", "8", "9"]


def test_sparse_columns_are_read() -> None:
    items = ITEMS.assign(stock=pd.arrays.SparseArray([0, 0, 5]))
    assert as_table(items, "items").column("stock").to_pylist() == [0, 0, 5]


def test_the_frame_that_is_given_stays_as_it_is() -> None:
    items = ITEMS.assign(title=ITEMS["title"].astype("category")).set_index("item_id")
    before = items.copy(deep=True)
    Shop(items, LOG)
    pd.testing.assert_frame_equal(items, before)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (ITEMS.set_index(["item_id", "title"]), "items has a MultiIndex as its index.*reset_index"),
        (pd.concat({"a": ITEMS}, axis=1), "items has a MultiIndex as its columns"),
        (pd.concat([ITEMS, ITEMS], axis=1), "items has two columns named 'item_id', 'title'"),
        (ITEMS.set_axis(["1", 1], axis=1), "items has two columns named '1'"),
        (ITEMS.rename_axis("title"), "items has an index and a column of the name 'title'"),
        (pd.DataFrame(), "items has no columns"),
        (pl.from_pandas(ITEMS).lazy(), "items is a lazy frame; collect it first"),
        ((row for row in ()), "items is a generator; give a data frame"),
        ({"item_id": [1]}, "items is a dict; give a data frame"),
        ([{"item_id": 1}], "items is a list; give a data frame"),
        (ITEMS["title"], "items is a Series; give a data frame"),
        (ITEMS.to_numpy(), "items is a ndarray; give a data frame"),
        (ITEMS.assign(a=[1, {2}, "3"]), "items: column a holds a set"),
        (ITEMS.assign(a=[object()] * 3), "items: column a holds an object"),
        (
            ITEMS.assign(month=pd.period_range("2024-01", periods=3, freq="M")),
            "items: column month holds period",
        ),
        (None, "items is a NoneType; give a data frame"),
    ],
)
def test_what_no_file_can_hold_is_refused_in_a_line(frame: Any, words: str) -> None:
    with pytest.raises(MisuseError, match=words) as caught:
        Shop(frame)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("items", "log", "words"),
    [
        (ITEMS.drop(columns="item_id"), LOG, "items"),
        (ITEMS.iloc[:0], LOG, "items: has no rows"),
        (ITEMS, LOG.drop(columns="user_id"), "interactions"),
        (ITEMS, LOG.assign(item_id=[1, 2, 3]), "interactions"),
        (ITEMS.assign(item_id=[b"\xff\xfe", b"\xff\xfe", b"\xff\xfe"]), None, "items"),
    ],
    ids=["no-item-id", "no-rows", "no-user-id", "unknown-items", "bytes"],
)
def test_errors_are_the_readers_with_the_frame_s_name(
    items: pd.DataFrame, log: pd.DataFrame | None, words: str
) -> None:
    with pytest.raises(DataError, match=f"^{words}") as caught:
        Shop(items, log)
    shown = str(caught.value)
    assert ".parquet" not in shown
    assert "longtail-" not in shown


def test_a_message_of_a_frame_is_that_of_its_file(tmp_path: Path) -> None:
    """The same reader refuses both: only the name differs."""
    log = LOG.drop(columns="user_id")
    path = tmp_path / "log.parquet"
    log.to_parquet(path)
    said = []
    for given in (log, path):
        with pytest.raises(DataError) as caught:
            Shop(ITEMS, given)
        said.append(str(caught.value).replace(str(path), "interactions"))
    assert said[0] == said[1]


def test_a_log_without_events_is_a_first_day() -> None:
    assert repr(Shop(ITEMS, LOG.iloc[:0])) == "Shop(3 items, no interactions)"
    assert repr(Shop(ITEMS)) == "Shop(3 items, no interactions)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"colums": {"item_id": "sku"}}, "no argument 'colums'; did you mean columns?"),
        ({"columns": ["item_id=sku"]}, "columns is a mapping"),
        ({"events": {"view": "looked"}}, "--event: 'looked' is not one of"),
        ({"match": "zeroes"}, "match 'zeroes' is not one of"),
        ({"positive": [4]}, "positive is a text, not 4"),
    ],
)
def test_what_is_said_of_frames_is_checked(arguments: Any, words: str) -> None:
    with pytest.raises(MisuseError, match=words.replace("?", r"\?")):
        Shop(ITEMS, LOG, **arguments)


def test_what_is_said_of_a_log_that_isn_t_is_refused() -> None:
    with pytest.raises(MisuseError, match="--positive is about a log, and none is named"):
        Shop(ITEMS, positive="weight>=4")


def test_columns_are_mapped_as_on_the_command_line() -> None:
    items = ITEMS.rename(columns={"item_id": "sku", "title": "name of it"})
    log = LOG.rename(columns={"item_id": "bought"})
    columns = {"items.item_id": "sku", "title": "name of it", "log.item_id": "bought"}
    shop = Shop(items, log, columns=columns)
    assert ids_of(shop) == ["7", "8", "9"]
    read = shop.report.columns.set_index("role")["column"]
    assert read["title"] == "name of it"


@pytest.mark.parametrize(
    "users",
    [
        [7, "8"],
        pd.Series([7, "8"]),
        pd.Series([7, 8], dtype="Int64"),
        np.array([7, 8]),
        pl.Series([7, 8]),
        pa.array([7, 8]),
        pd.Index([7, 8]),
        iter([7, 8.0]),
    ],
)
def test_ids_are_taken_from_any_column(users: Any) -> None:
    assert id_list(users, "users") == ["7", "8"]


@pytest.mark.parametrize("one", ["u1", 7, np.int64(7), 7.0])
def test_one_id_is_a_list_of_one(one: Any) -> None:
    assert id_list(one, "users") in (["u1"], ["7"])


@pytest.mark.parametrize(
    ("users", "error", "words"),
    [
        (ITEMS, MisuseError, "users is a DataFrame; give one column"),
        ({"a": 1}, MisuseError, "users is a dict; give one column"),
        (np.array([[7, 8]]), MisuseError, "users has more than one dimension"),
        (pd.Series([7.0, np.nan]), QueryError, r"users: nan is no id.*place 1"),
        (pd.Series([7, None], dtype="Int64"), QueryError, r"users: <NA> is no id.*place 1"),
        ([7.5], QueryError, r"users: 7.5 is no id"),
    ],
)
def test_what_is_no_id_is_refused(users: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        id_list(users, "users")
