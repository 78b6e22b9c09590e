"""Times in a column that nobody named: the usual names are read, others are named and stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from timed_logs import read_timed

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError

N = 120
MOMENTS = 1_700_000_000 + 3600 * np.arange(N, dtype=np.int64)
ISO = pd.to_datetime(MOMENTS, unit="s").strftime("%Y-%m-%d %H:%M:%S").to_numpy(object)


def read(
    folder: Path,
    columns: dict[str, object],
    rejected: RejectedRows | None = None,
    **mapped: str,
) -> Interactions:
    return read_timed(folder, N, columns, Reading(columns=mapped), rejected)


@pytest.mark.parametrize(
    "name",
    [
        "event_timestamp",
        "InvoiceDate",
        "date_added",
        "order_purchase_timestamp",
        "ordered_at",
        "Zeitstempel",
        "时间",
        "日時",
        "Datum",
        "fecha",
        "event_date",
    ],
)
def test_the_usual_names_are_read(tmp_path: Path, name: str) -> None:
    log = read(tmp_path, {name: MOMENTS * 10**6})
    assert log.has_clock
    assert sorted(log.time.tolist()) == MOMENTS.tolist()


def test_the_moment_beats_its_day(tmp_path: Path) -> None:
    days = pd.to_datetime(MOMENTS, unit="s").strftime("%Y%m%d")
    log = read(tmp_path, {"event_date": days, "event_timestamp": MOMENTS * 10**6})
    assert sorted(log.time.tolist()) == MOMENTS.tolist()


@pytest.mark.parametrize("name", ["shipped_at", "SessionDate", "scan time", "登録時間", "Kaufzeit"])
@pytest.mark.parametrize("cells", [MOMENTS, ISO], ids=["numbers", "text"])
def test_another_name_that_says_time_stops_and_names_the_column(
    tmp_path: Path, name: str, cells: np.ndarray
) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, {name: cells})
    assert f"timestamp={name}" in str(error.value)
    assert "timestamp=none" in str(error.value)
    assert "\n" not in str(error.value)
    assert read(tmp_path, {name: cells}, timestamp=name).has_clock
    assert not read(tmp_path, {name: cells}, timestamp="none").has_clock


def test_two_of_them_are_both_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'shipped_at'.* and 'billed_at'"):
        read(tmp_path, {"shipped_at": ISO, "billed_at": MOMENTS})


def test_typed_columns_are_looked_at_too(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "user_id": [f"u{n % 12}" for n in range(N)],
            "item_id": "i0",
            "update_list": [["a"]] * N,
            "billing_day": pd.to_datetime(MOMENTS, unit="s"),
        }
    )
    frame.to_parquet(tmp_path / "log.parquet")
    catalog = Catalog(pd.DataFrame({"item_id": ["i0"], "title": "x"}), "{title}")
    with pytest.raises(DataError, match="timestamp=billing_day"):
        read_interactions(tmp_path / "log.parquet", catalog, rejected=RejectedRows())


def test_an_order_is_not_taken_where_times_are(tmp_path: Path) -> None:
    columns = {"pos": np.arange(N), "shipped_at": ISO}
    with pytest.raises(DataError, match="'pos' is an order, and 'shipped_at'"):
        read(tmp_path, columns)
    assert not read(tmp_path, columns, timestamp="pos").has_clock
    with pytest.raises(DataError, match="could all be timestamp"):
        read(tmp_path, {"pos": np.arange(N), "event_date": ISO})


@pytest.mark.parametrize(
    "columns",
    [
        {"watch_time": np.arange(N) % 300},
        {"timezone": "UTC"},
        {"birth_date": ISO},
        {"release_date": ISO},
        {"updated_at": ""},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_a_name_alone_is_no_time(tmp_path: Path, columns: dict[str, object]) -> None:
    assert not read(tmp_path, columns).has_clock
    assert not read(tmp_path, {"pos": np.arange(N), **columns}).has_clock


class TestAnOrderUnderANameThatSaysTime:
    def test_is_said_with_its_range(self, tmp_path: Path) -> None:
        rejected = RejectedRows()
        assert not read(tmp_path, {"timestamp": np.arange(1, N + 1)}, rejected).has_clock
        assert any("numbers from 1 to 120, too small for times" in note for note in rejected.notes)
        rejected = RejectedRows()
        read(tmp_path, {"pos": np.arange(1, N + 1)}, rejected)
        assert not rejected.notes

    @pytest.mark.parametrize("counted", [40, 59])
    def test_times_behind_it_go_on_with_it(self, tmp_path: Path, counted: int) -> None:
        times = np.where(np.arange(N) < counted, np.arange(1, N + 1), MOMENTS)
        for cells in (times, times.astype(str)):
            rejected = RejectedRows()
            log = read(tmp_path, {"timestamp": cells}, rejected)
            assert len(log) == N
            assert not log.has_clock
            assert not len(rejected)
            assert f"of which {counted} are too small" in " ".join(rejected.notes)
            own = log.item[log.user == 0].tolist()
            assert own == sorted(own)

    def test_clocks_that_were_reset_are_none(self, tmp_path: Path) -> None:
        times = np.where(np.arange(N) < 40, 313 * np.arange(1, N + 1), MOMENTS)
        with pytest.raises(DataError, match="40 of 120 rows have no usable time"):
            read(tmp_path, {"timestamp": times})
