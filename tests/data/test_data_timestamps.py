"""Every usual spelling of a time comes out as the same second."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.files.times.time_column import TimeColumn
from longtail.retrieval.data.files.times.timestamps import FUTURE, NOT_A_TIME, Times, parse_times

NOW = 1_750_000_000.0
MOMENT = 1_700_000_000  # 2023-11-14 22:13:20 UTC
DAY = 1_699_920_000


def parse(values: object, ordinal: bool = False) -> Times:
    about = TimeColumn("log.csv: column time", NOW, is_order=ordinal)
    return parse_times(pa.chunked_array([pa.array(values)]), about)


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        (MOMENT, MOMENT),
        (MOMENT * 1000 + 7, MOMENT),
        (MOMENT * 10**6 + 7, MOMENT),
        (MOMENT * 10**9 + 7, MOMENT),
        (float(MOMENT) + 0.25, MOMENT),
        (20231114, DAY),
        (str(MOMENT), MOMENT),
        (f" {MOMENT}.5", MOMENT),
        ("1.7e9", MOMENT),
        ("2023-11-14", DAY),
        ("2023-11-14 22:13:20", MOMENT),
        ("2023-11-14T22:13:20Z", MOMENT),
        ("2023-11-14T23:13:20+01:00", MOMENT),
        ("2023-11-14T22:13:20.123456", MOMENT),
        (b"2023-11-14T22:13:20", MOMENT),
        (date(2023, 11, 14), DAY),
        (datetime(2023, 11, 14, 22, 13, 20), MOMENT),
        (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), MOMENT),
    ],
)
def test_a_time_is_read_as_seconds(cell: object, seconds: int) -> None:
    found = parse([cell, cell])
    assert found.seconds.tolist() == [seconds, seconds]
    assert found.has_clock
    assert not found.bad


@pytest.mark.parametrize("cells", [[0, 1, 2], ["3", "1", "2"], [0.0, 1.0, 5.0], [b"7", b"8", b"9"]])
def test_small_numbers_are_ordinals(cells: list[object]) -> None:
    found = parse(cells)
    assert not found.has_clock
    assert found.seconds.tolist() == [int(float(c)) for c in cells]  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [pa.int8(), pa.uint8(), pa.int32(), pa.uint32(), pa.uint64()])
def test_ordinals_of_any_width_are_read(width: pa.DataType) -> None:
    found = parse(pa.array([3, 1, 2], width))
    assert not found.has_clock
    assert found.seconds.tolist() == [3, 1, 2]


def test_a_column_of_ordinals_by_name_is_never_a_clock() -> None:
    assert not parse([MOMENT, MOMENT + 1], ordinal=True).has_clock


def test_eight_digits_that_are_no_date_are_ordinals() -> None:
    assert not parse([20231114, 20231399]).has_clock
    assert not parse([20230229]).has_clock


def test_units_may_differ_from_row_to_row() -> None:
    assert parse([MOMENT, MOMENT * 1000, MOMENT]).seconds.tolist() == [MOMENT] * 3


def test_text_that_is_no_time_is_marked() -> None:
    found = parse(["2023-11-14", "yesterday", "", "44/11/2023", str(MOMENT)])
    assert found.bad[NOT_A_TIME].tolist() == [False, True, True, True, False]
    assert found.seconds.tolist() == [DAY, 0, 0, 0, MOMENT]


def test_nothing_and_zero_among_real_times_are_marked() -> None:
    assert parse([MOMENT, None, 0, -5, MOMENT]).bad[NOT_A_TIME].tolist() == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert parse([MOMENT, float("nan")]).bad[NOT_A_TIME].tolist() == [False, True]


def test_times_after_tomorrow_are_marked() -> None:
    found = parse([int(NOW) + 3600, int(NOW) + 90_000])
    assert found.bad[FUTURE].tolist() == [False, True]
    assert parse(["2023-11-14", "2923-11-14"]).bad[FUTURE].tolist() == [False, True]


@given(st.lists(st.integers(10**8, 1_750_000_000), min_size=1, max_size=20))
def test_iso_text_and_numbers_agree(moments: list[int]) -> None:
    text = [datetime.fromtimestamp(m, UTC).isoformat() for m in moments]
    assert parse(text).seconds.tolist() == parse(moments).seconds.tolist() == moments
