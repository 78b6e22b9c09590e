"""Dates and known users in `--split` and `data.split`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import longtail

DAYS = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(np.arange(200), unit="D")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop of ten users who come again, and of one a day who doesn't, from May on."""
    number = np.arange(200)
    once = number >= 121
    pd.DataFrame(
        {
            "user_id": [
                f"new{n}" if late and n % 2 else f"u{n % 10}" for n, late in enumerate(once)
            ],
            "item_id": [f"i{n % 7}" for n in number],
            "timestamp": DAYS.strftime("%Y-%m-%d"),
        }
    ).to_csv(tmp_path / "interactions.csv", index=False)
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(7)], "title": "Tea"})
    items.to_csv(tmp_path / "items.csv", index=False)
    return tmp_path


def parts_of(path: Path) -> dict[str, pd.DataFrame]:
    return {str(name): part for name, part in pd.read_parquet(path).groupby("split", observed=True)}


def test_dates_cut_the_log(folder: Path) -> None:
    out = folder / "split.parquet"
    done = longtail("data", "split", folder, "--split", "2024-05-01,2024-06-01", "--out", out)
    assert done.code == 0, done.err
    assert {name: len(part) for name, part in parts_of(out).items()} == {
        "train": 121,
        "valid": 31,
        "test": 48,
    }
    assert "temporal-users" in done.err


def test_users_who_come_later_are_left_out_and_counted(folder: Path) -> None:
    out = folder / "split.parquet"
    dates = "temporal-users:2024-05-01,2024-06-01"
    done = longtail("data", "split", folder, "--split", dates, "--out", out)
    assert done.code == 0, done.err
    parts = parts_of(out)
    assert not parts["test"]["user_id"].str.startswith("new").any()
    assert "40 events of 40 users who take nothing before the valid part (2024-05-01)" in done.err
    assert "no event in the train part" not in done.err


def test_settings_take_dates_too(tmp_path: Path) -> None:
    config = tmp_path / "dated.yaml"
    for written in ("2024-06-01", "2024-05-01,2024-06-01", "temporal-users"):
        config.write_text(f"extends: cpu\ndata:\n  split: {written}\n", encoding="utf-8")
        done = longtail("settings", "--config", config)
        assert done.code == 0, done.err
        assert written[:16] in done.out


def test_what_is_no_split_is_refused(folder: Path) -> None:
    done = longtail("data", "split", folder, "--split", "soon", "--out", folder / "out.parquet")
    assert done.code == 2
    assert "2024-05-01,2024-06-01" in done.err
    done = longtail("settings", "--set", "data.split=soon")
    assert done.code == 1
    assert "setting data.split" in done.complaint
