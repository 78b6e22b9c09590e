"""Numbers, dates and truth values are compared as what they are, from whatever file they come."""

from __future__ import annotations

import gc
import weakref
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.catalog_schema import conformed
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.filter_column import FilterColumn
from longtail.retrieval.data.filters import Filters, where_mask
from longtail.retrieval.errors import DataError, QueryError

LARGE = 2**60 + 1
COLUMNS = {
    "seller": pa.array([LARGE - 1, LARGE, None], pa.int64()),
    "unsigned": pa.array([2**64 - 2, 2**64 - 1, None], pa.uint64()),
    "single": pa.array([4.98, 4.99, None], pa.float32()),
    "decimal": pa.array([Decimal("4.98"), Decimal("4.99"), None], pa.decimal128(10, 2)),
    "gift": pa.array([False, True, None]),
    "day": pa.array([date(2023, 5, 1), date(2024, 1, 31), None], pa.date32()),
    "moment": pa.array(
        [datetime(2023, 5, 1), datetime(2024, 1, 31), None], pa.timestamp("us", "Europe/Berlin")
    ),
}
SECOND_ALONE = [
    *(f"seller={LARGE}", f"seller>{LARGE - 1}", f"seller in ({LARGE}, 2.5)"),
    *(f"unsigned={2**64 - 1}", "single=4.99", "single>=4.99", "decimal=4.99", "decimal>4.98"),
    *("gift=true", "gift=TRUE", "day>=2024-01-31", "day=2024-01-31", "moment>=2024-01-31"),
]


@pytest.fixture
def shop(tmp_path: Path) -> pd.DataFrame:
    """Three items as a Parquet file has them, each column with a gap."""
    names = {"item_id": ["a", "b", "c"], "title": ["Pot", "Cup", "Tin"]}
    pq.write_table(pa.table(names | COLUMNS), tmp_path / "items.parquet")
    return read_catalog(tmp_path / "items.parquet", rejected=RejectedRows()).frame


@pytest.mark.parametrize("clause", SECOND_ALONE)
def test_an_added_item_changes_no_filter(shop: pd.DataFrame, clause: str, tmp_path: Path) -> None:
    assert where_mask(shop, [clause]).tolist() == [False, True, False]
    like_b = {
        "item_id": ["d"],
        "title": ["Lid"],
        "seller": [LARGE],
        "unsigned": [2**64 - 1],
        "single": [4.99],
        "decimal": [4.99],
        "gift": [True],
        "day": ["2024-01-31"],
        "moment": ["2024-01-31T00:00:00Z"],
    }
    for given_columns, found in ((like_b, True), ({"item_id": ["d"], "title": ["Lid"]}, False)):
        whole = pd.concat([shop, conformed(pd.DataFrame(given_columns), shop)], ignore_index=True)
        assert where_mask(whole, [clause]).tolist() == [False, True, False, found]
        Catalog(whole, "{title}").save(tmp_path / "stored.parquet")
        again = Catalog.load(tmp_path / "stored.parquet").frame
        assert where_mask(again, [clause]).tolist() == [False, True, False, found]


@pytest.mark.parametrize(
    ("column", "cell"), [("seller", 2.5), ("decimal", 2**53 + 1), ("single", 1e300)]
)
def test_a_number_that_would_be_rounded_is_refused(
    shop: pd.DataFrame, column: str, cell: float
) -> None:
    with pytest.raises(DataError, match=f"column '{column}' holds .* can't be kept as it is"):
        conformed(pd.DataFrame({"item_id": ["d"], column: [cell]}), shop)


@pytest.mark.parametrize(
    "sellers", [("18446744073709551615", "18446744073709551614"), ("9007199254740993", "2.5")]
)
def test_digits_that_no_float_holds_are_kept(sellers: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text(f"item_id,title,seller\na,Pot,{sellers[0]}\nb,Cup,{sellers[1]}\nc,Tin,\n")
    frame = read_catalog(file, rejected=RejectedRows()).frame
    for place, seller in enumerate(sellers):
        assert where_mask(frame, [f"seller={seller}"]).tolist() == [at == place for at in range(3)]


def test_a_moment_with_a_zone_is_that_moment_in_a_column_without() -> None:
    shop = pd.DataFrame({"since": pd.to_datetime(["2024-01-09", "2024-01-10"])})
    assert where_mask(shop, ["since=2024-01-09T01:00:00+01:00"]).tolist() == [True, False]


@pytest.mark.parametrize("value", ["now", "today", "tomorrow", "1/2/2024", "-1"])
def test_a_date_that_is_not_written_like_one_is_refused(value: str) -> None:
    shop = pd.DataFrame({"since": pd.to_datetime(["2024-01-09"])})
    with pytest.raises(QueryError, match="2024-01-31"):
        where_mask(shop, [f"since>={value}"])


@given(
    st.sampled_from(["=", "!=", "<", ">=", "~"]),
    st.text(max_size=6)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["9" * 400, "-" + "9" * 400, "9" * 5_000, "10000-01-01", "2024-02-30"]),
)
def test_whatever_is_asked_is_answered_or_refused(operator: str, value: str) -> None:
    shop = pd.DataFrame(
        {
            "price": [2.5, None],
            "stock": [1, LARGE],
            "small": np.array([1, 2], np.int8),
            "gift": [True, False],
            "since": pd.to_datetime(["2024-01-09", None]),
            "title": ["Pot", None],
        }
    )
    for column in shop:
        try:
            where_mask(shop, [f"{column}{operator}{value}"])
        except QueryError:
            continue


def test_a_condition_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    passing = FilterColumn.passing

    def counted(column: FilterColumn, clause):
        asked.append(clause.text)
        return passing(column, clause)

    monkeypatch.setattr(FilterColumn, "passing", counted)
    filters = Filters(pd.DataFrame({"price": [1.0, 5.0, 9.0], "brand": ["x", "y", None]}))
    for _ in range(3):
        found = filters.passing(["price<6 and brand=y", "brand!=x"])
        assert found.tolist() == [False, True, False]
        assert filters.passing(["brand=y"]).tolist() == [False, True, False]
    assert sorted(asked) == ["brand!=x", "brand=y", "price<6"]


@pytest.mark.parametrize("written", ["7205759403792793601.0", "7.205759403792793601e18"])
def test_a_large_integer_may_be_written_with_a_point(written: str) -> None:
    shop = pd.DataFrame({"seller": [7205759403792793600, 7205759403792793601]})
    assert Filters(shop).passing([f"seller={written}"]).tolist() == [False, True]


def test_filters_go_with_the_version_that_they_are_of() -> None:
    shop = pd.DataFrame({"brand": ["x", "y"]})
    filters = Filters(shop)
    assert filters.passing(["brand=x"]).tolist() == [True, False]
    left, cells = weakref.ref(filters), weakref.ref(shop)
    gc.disable()
    try:
        del filters, shop
        # No circle holds them: with millions of objects Python looks for circles once in hours.
        assert left() is None
        assert cells() is None
    finally:
        gc.enable()
