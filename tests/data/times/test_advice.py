"""What is said of times that can't be used as they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from timed_logs import read_timed

from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError

N = 60
MOMENTS = 1_700_000_000 + 7200 * np.arange(N, dtype=np.int64)
ISO = pd.to_datetime(MOMENTS, unit="s").strftime("%Y-%m-%d %H:%M:%S").to_numpy(object)


def read(
    folder: Path, columns: dict[str, object], rejected: RejectedRows | None = None, **said: str
) -> Interactions:
    time_format = said.pop("time_format", None)
    return read_timed(folder, N, columns, Reading(columns=said, time_format=time_format), rejected)


def test_times_in_the_future_are_said_first(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all 60 times in column timestamp lie in the future") as e:
        read(tmp_path, {"timestamp": MOMENTS + 10**9})
    assert "the first on 2055-07-24: row 1" in str(e.value)
    assert "ISO 8601" not in str(e.value)
    some = np.where(np.arange(N) < 40, MOMENTS, MOMENTS + 10**9)
    with pytest.raises(DataError, match="20 of 60 times in column timestamp lie in the future"):
        read(tmp_path, {"timestamp": some})


def test_a_column_with_blanks_is_quoted_for_a_shell(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column 'timestamp=order date \(UTC\)', or go without"):
        read(tmp_path, {"order date (UTC)": ISO})


def test_times_of_a_log_before_1995_are_noted_with_what_they_may_be(tmp_path: Path) -> None:
    rejected = RejectedRows()
    assert read(tmp_path, {"timestamp": MOMENTS - 978_307_200}, rejected).has_clock
    (note,) = (note for note in rejected.notes if "long before" in note)
    assert "1992-11-13" in note
    assert "Apple's seconds since 2001, the first on 2023-11-14: the time format apple" in note


def test_an_epoch_that_lies_ahead_is_named_behind_the_future(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"all 60 times .* WebKit's microseconds since 1601, the "):
        read(tmp_path, {"timestamp": (MOMENTS + 11_644_473_600) * 10**6})


def test_times_that_are_not_read_show_a_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="other text with time_format '%d %B %Y %H:%M' or the like"):
        read(tmp_path, {"timestamp": ["early"] * N})
