"""A column of times under any name stops the command; other numbers and others' days don't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.errors import DataError

N = 120
MOMENTS = 1_700_000_000 + 7_200 * np.arange(N, dtype=np.int64)
STAMPS = pd.to_datetime(MOMENTS, unit="s")


def spelt(form: str) -> np.ndarray:
    return np.asarray(STAMPS.strftime(form), object)


def read(folder: Path, columns: dict[str, object], **mapped: str) -> Interactions:
    number = np.arange(N)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{n % 12}" for n in number],
            "item_id": [f"i{n // 12}" for n in number],
            **columns,
        }
    )
    frame.to_csv(folder / "log.csv", index=False)
    titles = pd.DataFrame({"item_id": [f"i{n}" for n in range(10)], "title": "x"})
    return read_interactions(
        folder / "log.csv",
        Catalog(titles, "{title}"),
        reading=Reading(columns=mapped),
        rejected=RejectedRows(),
        now=1_750_000_000.0,
    )


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("epoch", MOMENTS),
        ("unix", MOMENTS * 1000),
        ("t", MOMENTS + 0.5),
        ("utc", spelt("%Y-%m-%dT%H:%M:%SZ")),
        ("occurred", spelt("%Y%m%d%H%M%S")),
        ("last_seen", spelt("%Y%m%d%H%M")),
        ("Closed on", spelt("%d.%m.%Y")),
        ("Order Placed", spelt("%b %d, %Y")),
        ("buchungstag", spelt("%Y%m%d")),
        ("购买日", spelt("%Y年%m月%d日")),
        ("タイムスタンプ", spelt("%Y/%m/%d %H:%M")),
        ("月", np.array([f"2024-{n // 7 % 12 + 1:02}" for n in range(N)], object)),
        ("x", np.array([f"0{n % 9 + 1}/0{n % 7 + 1}/2024" for n in range(N)], object)),
    ],
)
def test_a_column_of_times_stops_and_is_named(tmp_path: Path, name: str, cells: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"seems to hold times; read it with ") as error:
        read(tmp_path, {name: cells})
    assert f"timestamp={name}" in str(error.value)
    assert not read(tmp_path, {name: cells}, timestamp="none").has_clock


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("order_id", MOMENTS),
        ("invoice", 1_700_000_000 + np.arange(N)),
        ("phone", MOMENTS),
        ("post", 1_700_000_000_000_000_000 + MOMENTS),
        ("price", 45_000.5 + np.arange(N)),
        ("paid", 45_000.5 + np.arange(N)),
        ("published", 1900 + np.arange(N)),
        ("contact", 2_120_000_000 + 77_777 * np.arange(N)),
        ("barcode", 4_006_381_333_931 + 97 * np.arange(N)),
        ("release_date", spelt("%Y-%m-%d")),
        ("size", np.array([f"{n % 40}/{n % 30}" for n in range(N)], object)),
        ("kept", np.array(["2024-01-01"] * N, object)),
        ("entered", np.array([f"2020-01-{n % 12 + 1:02}" for n in range(N)], object)),
        ("launched", np.array([f"2020-01-{n // 12 + 1:02}" for n in range(N)], object)),
    ],
)
def test_what_is_no_time_of_an_event_does_not(tmp_path: Path, name: str, cells: np.ndarray) -> None:
    assert not read(tmp_path, {name: cells}).has_clock


def test_a_log_with_times_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longtail.retrieval.data.files.times.time_contents.first_rows", pytest.fail)
    assert read(tmp_path, {"timestamp": MOMENTS, "epoch": MOMENTS}).has_clock
