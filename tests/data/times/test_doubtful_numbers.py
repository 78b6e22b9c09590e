"""Numbers that would pass for an order: digits of dates, and days of a spreadsheet."""

from __future__ import annotations

import pyarrow as pa
import pytest

from longtail.retrieval.data.files.times.time_column import TimeColumn
from longtail.retrieval.data.files.times.timestamps import Times, parse_times
from longtail.retrieval.errors import DataError

NOW = 1_750_000_000.0
START = 1_704_067_200  # 2024-01-01, day 45292 of a spreadsheet


def parse(cells: list[object], time_format: str | None = None, *, says_time: bool = True) -> Times:
    about = TimeColumn("log.csv: column day", NOW, says_time=says_time)
    return parse_times(pa.chunked_array([pa.array(cells)]), about, time_format=time_format)


class TestSpreadsheetDays:
    @pytest.mark.parametrize(
        ("cells", "says_time"),
        [
            ([45292.25, 45293.5, 45300.0], False),
            (["45292.25", "45293.5", "45300"], False),
            ([45292, 45293, 45300], True),
            (["45292", "45293", "45300", ""], True),
        ],
    )
    def test_they_are_never_silently_an_order(self, cells: list[object], says_time: bool) -> None:
        with pytest.raises(DataError, match=r"2024-01-01.* excel or .* order") as error:
            parse(cells, says_time=says_time)
        assert str(error.value).startswith("log.csv: column day")

    def test_excel_reads_them(self) -> None:
        for cells in ([45292.5, 45293.0], ["45292.5", "45293"], ["45292,5", "45293"]):
            found = parse(cells, "excel")
            assert found.has_clock
            assert found.seconds.tolist() == [START + 43_200, START + 86_400]

    def test_a_second_that_no_fraction_ends_on_is_met(self) -> None:
        assert parse([45292 + (13 * 3600 + 440) / 86_400], "excel").seconds.tolist() == [
            START + 13 * 3600 + 440
        ]

    def test_order_says_that_they_are_none(self) -> None:
        found = parse([45292, 45293, 45300], "order")
        assert not found.has_clock
        assert found.seconds.tolist() == [45292, 45293, 45300]

    @pytest.mark.parametrize("cells", [list(range(1, 50_000, 7)), [3.5, 45_292.0, 7.0, 9.0]])
    def test_other_small_numbers_stay_an_order(self, cells: list[object]) -> None:
        assert not parse(cells).has_clock
        assert not parse([45292, 45293, 45300], says_time=False).has_clock


class TestDigitsOfDates:
    @pytest.mark.parametrize(
        "cells",
        [
            [31012024, 1022024, 13022024],
            [1312024, 2012024, 2132024],
            [310124, 10224, 130224],
            [240131, 240201, 240213],
            [20240131, 20240201, 20240213],
            [202401310000, 202402010000, 202402130000],
            [2024013100, 2024020100, 2024021300],
            [20240131000000, 20240201000000, 20240213000000],
            [20240131000000000, 20240201000000000, 20240213000000000],
        ],
    )
    def test_they_are_read_whatever_comes_first(self, cells: list[int]) -> None:
        expected = [START + 86_400 * day for day in (30, 31, 43)]
        for column in (cells, [str(cell) for cell in cells]):
            found = parse(list(column))
            assert found.has_clock
            assert found.seconds.tolist() == expected

    def test_milliseconds_behind_them_order_what_one_second_holds(self) -> None:
        found = parse([20240131130700250, 20240131130700001])
        assert found.nanoseconds is not None
        assert found.nanoseconds.tolist() == [250_000_000, 1_000_000]

    def test_an_order_of_many_rows_is_none_of_them(self) -> None:
        for start in (0, 10_000, 1_000_000):
            assert not parse(list(range(start, start + 3000))).has_clock
