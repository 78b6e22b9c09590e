"""Numbers that count from another year or in other steps are never silently another time."""

from __future__ import annotations

import pyarrow as pa
import pytest

from longtail.retrieval.data.files.times.time_column import TimeColumn
from longtail.retrieval.data.files.times.timestamps import FUTURE, Times, parse_times
from longtail.retrieval.errors import DataError

NOW = 1_750_000_000.0
MOMENTS = [1_700_000_000 + 7_200 * number for number in range(20)]
# Steps per second, and the second since 1970 at which each begins.
COUNTED = {
    "ticks": (10**7, -62_135_596_800),
    "filetime": (10**7, -11_644_473_600),
    "webkit": (10**6, -11_644_473_600),
    "unix100ns": (10**7, 0),
    "apple": (1, 978_307_200),
    "applens": (10**9, 978_307_200),
    "mac1904": (1, -2_082_844_800),
    "unix": (1, 0),
}


def parse(cells: list[object], time_format: str | None = None) -> Times:
    about = TimeColumn("log.csv: column time", NOW)
    return parse_times(pa.chunked_array([pa.array(cells)]), about, time_format=time_format)


def counted(name: str) -> list[int]:
    per_second, start = COUNTED[name]
    return [(moment - start) * per_second for moment in MOMENTS]


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("kind", [int, str])
def test_each_is_read_under_its_name(name: str, kind: type) -> None:
    assert parse([kind(cell) for cell in counted(name)], name).seconds.tolist() == MOMENTS


@pytest.mark.parametrize("name", ["ticks", "filetime"])
@pytest.mark.parametrize("extra", [[], ["not known"]])
def test_what_no_log_holds_as_unix_times_stops(name: str, extra: list[str]) -> None:
    with pytest.raises(DataError, match=f"the first on 2023-11-14; .* {name}, .* unix$") as error:
        parse([*map(str, counted(name)), *extra])
    assert str(error.value).startswith("log.csv: column time")


@pytest.mark.parametrize("name", ["webkit", "unix100ns", "mac1904"])
def test_what_lies_in_the_future_as_unix_times_is_named(name: str) -> None:
    found = parse(list(counted(name)))
    assert found.bad[FUTURE].all()
    assert found.may_be[1] == name


@pytest.mark.parametrize("name", ["apple", "applens"])
def test_what_may_be_unix_times_of_1992_is_named(name: str) -> None:
    found = parse(list(counted(name)))
    assert found.may_be[1] == name
    assert "2023-11-14" in found.may_be[0]
    assert not found.bad


def test_believable_unix_times_are_taken_without_a_word() -> None:
    for factor in (1, 10**3, 10**6, 10**9):
        found = parse([moment * factor for moment in MOMENTS])
        assert found.seconds.tolist() == MOMENTS
        assert found.may_be == ("", "")


class TestDaysSince1970:
    @pytest.mark.parametrize("first", [19_700, 20_093])
    @pytest.mark.parametrize("kind", [int, str])
    def test_they_stop_under_a_name_that_says_time(self, first: int, kind: type) -> None:
        with pytest.raises(
            DataError, match=r"days since 1970 \(then this is 202[35]-.*time_format days or"
        ):
            parse([kind(first + number) for number in range(9)])

    def test_days_reads_them(self) -> None:
        found = parse(["19675", "19675.5"], "days")
        assert found.seconds.tolist() == [1_699_920_000, 1_699_963_200]
        assert found.has_clock


def test_numbers_with_commas_are_read_as_numbers() -> None:
    grouped = [f"{moment:,}" for moment in MOMENTS]
    assert parse([*grouped]).seconds.tolist() == MOMENTS
    with pytest.raises(DataError, match="days of a spreadsheet"):
        parse(["45005,5", "45006", "45007,25"])
