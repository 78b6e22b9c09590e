"""Commands that show and keep what the rows of a log mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import longtail

EVENTS = ["view", "purchase", "view", "refund", "impression", "purchase"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Twelve items, and what three users did with them in a month."""
    pd.DataFrame(
        {"item_id": [f"i{n}" for n in range(12)], "title": [f"thing number {n}" for n in range(12)]}
    ).to_csv(tmp_path / "items.csv", index=False)
    n = 72
    pd.DataFrame(
        {
            "user_id": [f"u{n % 3}" for n in range(n)],
            "item_id": [f"i{n % 12}" for n in range(n)],
            "timestamp": 1_700_000_000 + 36_000 * np.arange(n),
            "event": (EVENTS * n)[:n],
        }
    ).to_csv(tmp_path / "interactions.csv", index=False)
    return tmp_path


def test_validate_shows_every_value_its_rows_and_its_meaning(shop: Path) -> None:
    done = longtail("data", "validate", shop, "--rejected", shop / "rejected.csv")
    assert done.code == 0, done.err
    words = [line.replace("│", " ").split() for line in done.out.splitlines()]
    for value, meaning in (("view", "seen"), ("purchase", "taken"), ("impression", "shown")):
        count = str(EVENTS.count(value) * 12)
        assert ["event", value, count, meaning] in words


def test_a_split_log_means_what_it_meant(shop: Path) -> None:
    rejected = ("--rejected", shop / "rejected.csv")
    out = shop / "split.parquet"
    assert longtail("data", "split", shop, "--out", out, *rejected).code == 0
    written = pd.read_parquet(out)
    counts = written["event"].astype(str).value_counts().to_dict()
    assert counts == {"seen": 24, "taken": 24, "rejected": 12, "shown": 12}
    again = ("--catalog", shop / "items.csv", "--interactions", out)
    done = longtail("data", "validate", *again, *rejected)
    assert done.code == 0, done.err
    assert "72 interactions" in done.out
    assert "set aside" not in done.err


def test_positives_come_from_the_command_line(shop: Path) -> None:
    options = ("--positive", "event=view", "--rejected", shop / "rejected.csv")
    done = longtail("data", "validate", shop, *options)
    words = [line.replace("│", " ").split() for line in done.out.splitlines()]
    assert ["event", "view", "24", "taken"] in words
    assert ["event", "purchase", "24", "seen"] in words


def test_an_unknown_event_is_one_line_of_error(shop: Path) -> None:
    log = pd.read_csv(shop / "interactions.csv").replace({"event": {"view": "frobnicate"}})
    log.to_csv(shop / "interactions.csv", index=False)
    done = longtail("data", "validate", shop, "--rejected", shop / "rejected.csv")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "frobnicate (24)" in done.err
    assert "--event NAME=seen" in done.err
    named = ("--event", "frobnicate=seen", "--rejected", shop / "rejected.csv")
    assert longtail("data", "validate", shop, *named).code == 0
    assert longtail("data", "validate", shop, "--event", "frobnicate=good").code == 2
