"""Clocks that don't mean what they say: each is read, said, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.describe import describe
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import TEST, Interactions
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import split
from longtail.retrieval.errors import DataError

START, NOW = 1_700_000_000, 1_750_000_000.0
N = 120
CENTURY = 100 * 365 * 86_400


@pytest.fixture
def catalog() -> Catalog:
    """Ten items."""
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(10)], "title": "x"})
    return Catalog(items, "{title}")


def events(times: object, **more: object) -> pd.DataFrame:
    """Return 120 events of 12 users with these times."""
    number = np.arange(N)
    users, items = [f"u{n % 12}" for n in number], [f"i{n // 12}" for n in number]
    return pd.DataFrame({"user_id": users, "item_id": items, "timestamp": times, **more})


def hourly() -> np.ndarray:
    return START + 3600 * np.arange(N, dtype=np.int64)


def read(
    frame: pd.DataFrame, folder: Path, catalog: Catalog, name: str = "log.csv", **columns: str
) -> tuple[Interactions, RejectedRows]:
    path = folder / name
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    rejected = RejectedRows()
    log = read_interactions(
        path, catalog, reading=Reading(columns=columns), rejected=rejected, now=NOW
    )
    return log, rejected


class TestTimesThatAreNoClock:
    @pytest.mark.parametrize(
        ("times", "said"),
        [
            (np.full(N, START), "one time in 120 events"),
            (START + 86_400 * (np.arange(N) % 3), "3 distinct times in 120 events"),
            (["2024-01-31"] * N, "one time in 120 events"),
            (np.full(N, 20240131), "one time in 120 events"),
        ],
    )
    def test_hardly_any_distinct_times_are_an_order(
        self, tmp_path: Path, catalog: Catalog, times: object, said: str
    ) -> None:
        log, rejected = read(events(times), tmp_path, catalog)
        assert len(log) == N
        assert not log.has_clock
        assert any(said in note and "not a clock" in note for note in rejected.notes)
        assert split(log).kind == "leave-last"

    def test_ties_stand_in_the_order_of_the_file(self, tmp_path: Path, catalog: Catalog) -> None:
        log, _ = read(events(np.full(N, START)), tmp_path, catalog)
        own = log.item[log.user == log.user_ids.tolist().index("u0")]
        assert own.tolist() == list(range(10))

    def test_one_day_is_a_clock_and_said(self, tmp_path: Path, catalog: Catalog) -> None:
        log, rejected = read(events(START + 60 * np.arange(N)), tmp_path, catalog)
        assert log.has_clock
        assert split(log).kind == "temporal"
        assert any("all events lie within 2.0 hours" in note for note in rejected.notes)

    def test_a_log_of_days_is_a_clock_without_a_word(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        log, rejected = read(events(hourly()), tmp_path, catalog)
        assert log.has_clock
        assert not rejected.notes


class TestAClockThatJumps:
    @pytest.mark.parametrize("kind", ["numbers", "text", "dates", "parquet"])
    def test_a_few_rows_of_1970_are_set_aside(
        self, tmp_path: Path, catalog: Catalog, kind: str
    ) -> None:
        moments = hourly()
        moments[[3, 50]] = 0
        times: object = moments
        if kind == "text":
            times = pd.to_datetime(moments, unit="s").strftime("%Y-%m-%dT%H:%M:%S")
        elif kind == "dates":
            times = np.where(moments > 0, 20240101 + np.arange(N) % 28, 19700101)
        elif kind == "parquet":
            times = pd.to_datetime(moments, unit="s")
        name = "log.parquet" if kind == "parquet" else "log.csv"
        log, rejected = read(events(times), tmp_path, catalog, name)
        assert log.has_clock
        assert len(rejected) == 2
        assert log.time.min() >= START

    def test_a_few_rows_of_2070_are_set_aside(self, tmp_path: Path, catalog: Catalog) -> None:
        moments = hourly()
        moments[[3, 50]] += 50 * 365 * 86_400
        log, rejected = read(events(moments), tmp_path, catalog)
        assert len(log) == N - 2
        assert "timestamp in the future" in str(rejected.counts())

    def test_a_few_rows_a_century_early_are_set_aside(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        moments = pd.to_datetime(hourly(), unit="s").to_numpy().copy()
        moments[:5] -= np.timedelta64(CENTURY, "s")
        log, rejected = read(events(moments), tmp_path, catalog)
        assert len(log) == N - 5
        assert "timestamp decades before the others" in str(rejected.counts())

    def test_a_part_of_the_log_a_century_early_is_an_error(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        moments = pd.to_datetime(hourly(), unit="s").to_numpy().copy()
        moments[:40] -= np.timedelta64(CENTURY, "s")
        with pytest.raises(DataError, match=r"40 of 120 rows have no usable.*decades before") as e:
            read(events(moments), tmp_path, catalog)
        assert "timestamp=none" in str(e.value)
        assert "\n" not in str(e.value)

    def test_an_old_log_without_a_pause_is_read(self, tmp_path: Path, catalog: Catalog) -> None:
        years = pd.to_datetime([f"{1900 + n}-05-01" for n in range(N)])
        log, rejected = read(events(years.strftime("%Y-%m-%d")), tmp_path, catalog)
        assert len(log) == N
        assert not len(rejected)


class TestTimesOnAPartOfTheRows:
    @pytest.mark.parametrize("blank", ["", "n/a", "0", "31/31/2024"])
    def test_more_than_a_little_is_one_error_that_says_what_to_do(
        self, tmp_path: Path, catalog: Catalog, blank: str
    ) -> None:
        times = hourly().astype(str).astype(object)
        times[::4] = blank
        with pytest.raises(DataError, match="30 of 120 rows have no usable time") as e:
            read(events(times), tmp_path, catalog)
        assert "ISO 8601" in str(e.value)
        assert "timestamp=none" in str(e.value)

    def test_a_little_is_set_aside(self, tmp_path: Path, catalog: Catalog) -> None:
        times = hourly().astype(str).astype(object)
        times[[5, 60, 61]] = ""
        log, rejected = read(events(times), tmp_path, catalog)
        assert (len(log), len(rejected), log.has_clock) == (N - 3, 3, True)

    @pytest.mark.parametrize("late", [2, 30])
    def test_a_part_without_any_time_is_an_error_however_small(
        self, tmp_path: Path, catalog: Catalog, late: int
    ) -> None:
        part = np.array(["train"] * N, dtype=object)
        part[-late - 20 : -late], part[-late:] = "valid", "test"
        times = hourly().astype(str).astype(object)
        times[part == "test"] = ""
        with pytest.raises(DataError, match=rf"{late} of {late} rows of the test part have no"):
            read(events(times, split=part), tmp_path, catalog)

    def test_without_times_the_log_is_read_in_the_order_of_the_file(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        times = hourly().astype(str).astype(object)
        times[::4] = ""
        log, rejected = read(events(times), tmp_path, catalog, timestamp="none")
        assert len(log) == N
        assert not log.has_clock
        assert any("read without times" in note for note in rejected.notes)

    def test_rows_that_are_bad_for_another_reason_count_for_nothing(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        frame = events(hourly().astype(str).astype(object))
        frame.loc[::4, ["item_id", "timestamp"]] = ["not in the catalog", ""]
        log, rejected = read(frame, tmp_path, catalog)
        assert (len(log), len(rejected)) == (N - 30, 30)


class TestSpellings:
    def test_seconds_milliseconds_and_dates_may_stand_in_one_column(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        moments = hourly()
        iso = pd.to_datetime(moments, unit="s").strftime("%Y-%m-%d %H:%M:%S").to_numpy(object)
        third = np.arange(N) % 3
        for kinds in ((0, 1), (0, 1, 2), (2, 0)):
            times = moments.astype(str).astype(object)
            times[third == 1] = (
                (moments * 1000).astype(str)[third == 1] if 1 in kinds else times[third == 1]
            )
            times[third == 2] = iso[third == 2] if 2 in kinds else times[third == 2]
            log, rejected = read(events(times), tmp_path, catalog)
            assert sorted(log.time.tolist()) == moments.tolist()
            assert not len(rejected)

    def test_one_unknown_date_among_dates_is_set_aside(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        for unknown in (0, 20240230, 99_999_999):
            dates = 20240101 + np.arange(N) % 28
            dates[7] = unknown
            log, rejected = read(events(dates), tmp_path, catalog)
            assert log.has_clock
            assert (len(log), len(rejected)) == (N - 1, 1)
            assert split(log).kind == "temporal"

    @pytest.mark.parametrize("spelling", ["%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S UTC"])
    def test_digits_of_a_date_and_a_database_s_zone_are_read(
        self, tmp_path: Path, catalog: Catalog, spelling: str
    ) -> None:
        moments = hourly() // 60 * 60
        times = pd.to_datetime(moments, unit="s").strftime(spelling)
        log, rejected = read(events(times), tmp_path, catalog)
        assert not len(rejected)
        assert sorted(log.time.tolist()) == moments.tolist()

    @pytest.mark.parametrize(
        "spelling", ["%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M:%S", "%d%m%Y%H%M%S"]
    )
    def test_a_form_of_one_s_own_is_read_when_it_is_named(
        self, tmp_path: Path, catalog: Catalog, spelling: str
    ) -> None:
        times = pd.Series(pd.to_datetime(hourly(), unit="s").strftime(spelling).to_numpy(object))
        times[5] = ""
        events(times).to_csv(tmp_path / "log.csv", index=False)
        rejected = RejectedRows()
        log = read_interactions(
            tmp_path / "log.csv",
            catalog,
            reading=Reading(time_format=spelling),
            rejected=rejected,
            now=NOW,
        )
        assert log.has_clock
        assert sorted(log.time.tolist()) == np.delete(hourly(), 5).tolist()
        assert len(rejected) == 1

    def test_a_form_that_is_none_is_refused(self, tmp_path: Path, catalog: Catalog) -> None:
        events(hourly()).to_csv(tmp_path / "log.csv", index=False)
        with pytest.raises(DataError, match="'%Q' is no form of a time"):
            read_interactions(
                tmp_path / "log.csv",
                catalog,
                reading=Reading(time_format="%Q"),
                rejected=RejectedRows(),
                now=NOW,
            )

    @pytest.mark.parametrize("kind", ["milliseconds", "decimals", "text", "parquet", "order"])
    def test_what_one_second_holds_stays_in_order_though_the_newest_comes_first(
        self, tmp_path: Path, catalog: Catalog, kind: str
    ) -> None:
        order = np.arange(N)
        moments = START * 1000 + 5000 * (order // 60) + order % 60
        frame = events(moments)
        if kind == "decimals":
            frame["timestamp"] = moments / 1000
        elif kind == "text":
            stamps = pd.to_datetime(moments, unit="ms")
            frame["timestamp"] = stamps.strftime("%Y-%m-%dT%H:%M:%S.%f")
        elif kind == "parquet":
            frame["timestamp"] = pd.to_datetime(moments, unit="ms")
        elif kind == "order":
            frame["timestamp"] = order / 100
        name = "log.parquet" if kind == "parquet" else "log.csv"
        log, _ = read(frame.iloc[::-1], tmp_path, catalog, name)
        for user in range(12):
            assert log.item[log.user == user].tolist() == list(range(10))


def test_one_user_with_a_hundred_thousand_events_is_read_split_and_described(
    tmp_path: Path,
) -> None:
    n = 100_000
    items = pd.DataFrame({"item_id": [f"i{k}" for k in range(500)], "title": "x"})
    catalog = Catalog(items, "{title}")
    rng = np.random.default_rng(0)
    user = np.where(np.arange(n + 2000) < n, "whale", rng.integers(0, 100, n + 2000).astype(str))
    frame = pd.DataFrame(
        {
            "user_id": user,
            "item_id": [f"i{k}" for k in rng.integers(0, 500, n + 2000)],
            "timestamp": START + rng.integers(0, 30_000_000, n + 2000),
        }
    )
    log, _ = read(frame, tmp_path, catalog, "log.parquet")
    popularity = Popularity.from_counts(log.user_counts(500), catalog.item_ids)
    assert describe(catalog, log, popularity).history_quantiles[-1] > 99_000
    for kind in ("temporal", "leave-last"):
        assert (split(log, kind).part == TEST).any()
