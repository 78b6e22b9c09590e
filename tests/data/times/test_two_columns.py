"""A day in one column and the time of day in another are one clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from timed_logs import read_timed

from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.errors import DataError

N = 60
MOMENTS = 1_700_000_000 + 7260 * np.arange(N, dtype=np.int64)
STAMPS = pd.to_datetime(MOMENTS // 60 * 60, unit="s")


def spelt(form: str) -> list[str]:
    return list(STAMPS.strftime(form))


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("%Y-%m-%d", "%H:%M:%S"),
        ("%d.%m.%Y", "%H:%M"),
        ("%m/%d/%Y", "%I:%M %p"),
        ("%Y%m%d", "%H:%M"),
        ("%Y-%m-%d 00:00:00", "%H:%M"),
    ],
)
def test_a_date_and_a_time_are_read_together(tmp_path: Path, day: str, clock: str) -> None:
    rejected = RejectedRows()
    log = read_timed(tmp_path, N, {"date": spelt(day), "time": spelt(clock)}, rejected=rejected)
    assert log.has_clock
    assert sorted(log.time.tolist()) == (MOMENTS // 60 * 60).tolist()
    assert any("columns date and time are read together" in note for note in rejected.notes)


@pytest.mark.parametrize("clock", ["%H%M", "%H", "%H%M%S"])
def test_digits_of_a_clock_are_read_where_that_is_said(tmp_path: Path, clock: str) -> None:
    columns: dict[str, object] = {"day": spelt("%Y-%m-%d"), "hour": spelt(clock)}
    reading = Reading(columns={"timestamp": "day+hour"})
    log = read_timed(tmp_path, N, columns, reading)
    wanted = STAMPS if "M" in clock else STAMPS.floor("h")
    assert sorted(log.time.tolist()) == wanted.astype("datetime64[s]").astype(np.int64).tolist()


def test_a_time_of_day_that_is_not_read_is_said(tmp_path: Path) -> None:
    rejected = RejectedRows()
    columns: dict[str, object] = {"date": spelt("%Y-%m-%d"), "hour": spelt("%H")}
    read_timed(tmp_path, N, columns, rejected=rejected)
    assert any("--column timestamp=date+hour" in note for note in rejected.notes)


def test_two_times_of_which_none_is_a_time_of_day_are_a_choice(tmp_path: Path) -> None:
    columns: dict[str, object] = {"date": spelt("%Y-%m-%d"), "time": MOMENTS}
    with pytest.raises(DataError, match=r"'date' and 'time' could all be timestamp"):
        read_timed(tmp_path, N, columns)


def test_a_row_without_a_day_has_no_time(tmp_path: Path) -> None:
    days = spelt("%Y-%m-%d")
    days[0] = ""
    rejected = RejectedRows()
    log = read_timed(tmp_path, N, {"date": days, "time": spelt("%H:%M")}, rejected=rejected)
    assert len(log) == N - 1
    assert rejected.first(tmp_path / "log.csv").startswith("row 1, column date+time")
