"""Dates as people write them: read where they have one meaning, refused where they have two."""

from __future__ import annotations

import pyarrow as pa
import pytest

from longtail.retrieval.data.files.times.time_column import TimeColumn
from longtail.retrieval.data.files.times.timestamps import NOT_A_TIME, Times, parse_times
from longtail.retrieval.errors import DataError

NOW = 1_750_000_000.0
DAY = 1_699_920_000  # 2023-11-14
MOMENT = DAY + 22 * 3600 + 13 * 60  # 22:13


def parse(*cells: object, time_format: str | None = None) -> Times:
    about = TimeColumn("log.csv: column date", NOW)
    return parse_times(pa.chunked_array([pa.array(cells)]), about, time_format=time_format)


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("14.11.2023", DAY),
        ("14.11.2023 22:13", MOMENT),
        ("Di, 14.11.2023, 22:13 Uhr", MOMENT),
        ("14-11-2023 22:13:20,250", MOMENT + 20),
        ("11/14/2023", DAY),
        ("11/14/23 22:13", MOMENT),
        ("11/14/2023 10:13 PM", MOMENT),
        ("11/14/2023, 10:13:20\u202fp.m.", MOMENT + 20),
        ("11/14/2023 12:05 AM", DAY + 300),
        ("2023/11/14 22:13", MOMENT),
        ("2023/1/14 8:05", DAY - 304 * 86_400 + 8 * 3600 + 300),
        ("23/11/30", DAY + 16 * 86_400),
        ("2023年11月14日", DAY),
        ("2023年11月14日 22时13分", MOMENT),
        ("2023年11月14日(火) 22時13分20秒", MOMENT + 20),
        ("2023年11月14日 下午10:13", MOMENT),
        ("2023년 11월 14일 오후 10시 13분", MOMENT),
        ("2023. 11. 14. 오후 10:13:20", MOMENT + 20),
        ("２０２３／１１／１４　２２：１３", MOMENT),
        ("２０２３-11-14", DAY),
        ("１７００００００００", 1_700_000_000),
        ("14 Nov 2023", DAY),
        ("14-NOV-23", DAY),
        ("14. Dezember 2022", DAY - 335 * 86_400),
        ("November 14, 2023 10:13 PM", MOMENT),
        ("Nov 14th, 2023", DAY),
        ("Tue, 14 Nov 2023 22:13:20 GMT", MOMENT + 20),
        ("Tue Nov 14 22:13:20 +0000 2023", MOMENT + 20),
        ("Tue Nov 14 2023 23:13:00 GMT+0100 (CET)", MOMENT),
        ("14/Nov/2023:23:13:20 +0100", MOMENT + 20),
        ("11 14, 2023", DAY),
        ("2023-11-14 22:13:20 UTC", MOMENT + 20),
        ("14112023", DAY),
        ("14 novembre 2023", DAY),
        ("14 de noviembre de 2023", DAY),
        ("14 novembre 2023 à 22h13", MOMENT),
        ("14. November 2023 um 22:13 Uhr", MOMENT),
        ("[14/Nov/2023:23:13:20 +0100]", MOMENT + 20),
        ("20231114_221320", MOMENT + 20),
    ],
)
def test_a_date_of_one_meaning_is_read(cell: str, seconds: int) -> None:
    found = parse(cell, cell, cell)
    assert found.has_clock
    assert not found.bad
    assert found.seconds.tolist() == [seconds] * 3


class TestDayAndMonth:
    @pytest.mark.parametrize(
        ("cells", "days"),
        [
            (("05/01/2024", "13/01/2024"), (4, 12)),
            (("01/05/2024", "01/13/2024"), (4, 12)),
            (("5-1-2024", "13-1-2024"), (4, 12)),
            (("5/1/24", "31/1/24"), (4, 30)),
            (("1/5/24", "1/13/24"), (4, 12)),
            (("24/01/05", "24/01/31"), (4, 30)),
            # Full stops mean that the day is first, also where no cell tells.
            (("05.01.2024", "06.01.2024"), (4, 5)),
            (("05.01.24", "06.01.24"), (4, 5)),
            # Both readings are the same.
            (("01/01/2024", "02/02/2024"), (0, 32)),
        ],
    )
    def test_any_cell_of_the_column_tells(
        self, cells: tuple[str, ...], days: tuple[int, ...]
    ) -> None:
        start = 1_704_067_200  # 2024-01-01
        assert parse(*cells).seconds.tolist() == [start + 86_400 * day for day in days]

    @pytest.mark.parametrize(
        ("cells", "formats"),
        [
            (("05/01/2024", "06/01/2024 10:00"), ("%d/%m/%Y", "%m/%d/%Y")),
            (("05-01-2024", "06-02-2024"), ("%d-%m-%Y", "%m-%d-%Y")),
            (("05/01/04",), ("%d/%m/%y", "%m/%d/%y", "%y/%m/%d")),
            ((5012024, 6012024, 7022024), ("%d%m%Y", "%m%d%Y")),
            (("05012024", "06012024", "07022024"), ("%d%m%Y", "%m%d%Y")),
        ],
    )
    def test_a_column_of_two_readings_stops_and_either_format_reads_it(
        self, cells: tuple[object, ...], formats: tuple[str, ...]
    ) -> None:
        with pytest.raises(DataError, match=r"^log.csv: column date: '0?50?1|'05") as error:
            parse(*cells)
        assert "\n" not in str(error.value)
        found = set()
        for time_format in formats:
            assert f"'{time_format}'" in str(error.value)
            times = parse(*cells, time_format=time_format)
            assert times.has_clock
            assert not times.bad
            found.add(tuple(times.seconds.tolist()))
        assert len(found) == len(formats)

    def test_a_format_of_day_and_month_takes_other_signs_and_a_clock(self) -> None:
        cells = ("1/2/2024 1:07 PM", "01-02-2024", "1.2.2024 13:07")
        for time_format, day in (("%d.%m.%Y", 31), ("%m/%d/%Y", 1)):
            noon = 1_704_067_200 + 86_400 * day + 13 * 3600 + 7 * 60
            found = parse(*cells, time_format=time_format).seconds.tolist()
            assert found == [noon, noon - 13 * 3600 - 7 * 60, noon]

    def test_orders_that_differ_from_row_to_row_stop(self) -> None:
        with pytest.raises(DataError, match=r"'01/13/2024'.*differs from row to row"):
            parse("13/01/2024", "14/01/2024", "01/13/2024", "05/01/2024")

    def test_a_slip_among_many_is_no_date(self) -> None:
        cells = [f"{day:02}/{month:02}/2024" for day in range(13, 29) for month in range(1, 13)]
        found = parse(*cells, "01/13/2024")
        assert found.bad[NOT_A_TIME].tolist() == [False] * len(cells) + [True]

    def test_what_is_no_date_is_marked(self) -> None:
        found = parse("31.01.2024", "31.02.2024", "32.01.2024", "1.1.2024 25:00", "1.2.2024 0:61")
        assert found.bad[NOT_A_TIME].tolist() == [False, True, True, True, True]
        assert parse("now", "today", "14.11.2023").bad[NOT_A_TIME].tolist() == [True, True, False]

    def test_parts_of_a_second_are_kept(self) -> None:
        found = parse("14.11.2023 22:13:20.75", "14.11.2023 22:13:20,5")
        assert found.nanoseconds is not None
        assert found.nanoseconds.tolist() == [750_000_000, 500_000_000]


MONTHS = {
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "French": "janvier février mars avril mai juin juillet août septembre octobre nov décembre",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto sept octubre noviembre diciembre",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto set ottobre nov dicembre",
    "Portuguese": "janeiro fev março abril maio junho julho agosto setembro outubro nov dezembro",
    "English": "January February March April May June July Aug Sept October November December",
}


@pytest.mark.parametrize("language", MONTHS)
def test_months_of_a_language_are_all_read(language: str) -> None:
    months = [f"3 {name} 2023" for name in MONTHS[language].split()]
    numbers = [f"2023-{number:02}-03" for number in range(1, 13)]
    assert parse(*months).seconds.tolist() == parse(*numbers).seconds.tolist()


@pytest.mark.parametrize(
    ("time_format", "message"),
    [
        ("%Y-%m-%d %H:%M EST", "zone EST .*%Z"),
        ("%Y-%m-%d %H:%M MEZ", "MEZ"),
        ("%d.%m.%Y %I:%M", "%p"),
    ],
)
def test_a_format_that_loses_something_is_refused(time_format: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse("2023-11-14 10:13", time_format=time_format)


def test_a_zone_may_be_read_and_universal_time_named() -> None:
    assert parse("2023-11-14 17:13 EST", time_format="%Y-%m-%d %H:%M %Z").seconds[0] == MOMENT
    assert parse("2023-11-14 22:13 UTC", time_format="%Y-%m-%d %H:%M UTC").seconds[0] == MOMENT
