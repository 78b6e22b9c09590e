"""Google Analytics 4's export becomes our columns."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from converted import Tables, converted

GA4_EVENTS: tuple[dict[str, object], ...] = (
    {
        "event_name": "session_start",
        "event_timestamp": "1612137600000000",
        "user_pseudo_id": "1.2",
        "items": [],
    },
    {
        "event_name": "view_item",
        "event_timestamp": "1612137601000001",
        "user_id": None,
        "user_pseudo_id": "1.2",
        "items": [
            {
                "item_id": "C1",
                "item_name": "Tin Cup",
                "item_brand": "Elm",
                "item_variant": "(not set)",
                "item_category": "Home",
                "item_category2": "Cups",
                "price": 9.5,
            }
        ],
    },
    {
        "event_name": "purchase",
        "event_timestamp": "1612137602000000",
        "user_id": "u7",
        "user_pseudo_id": "1.2",
        "items": [
            {"item_id": "C1", "item_name": "(not set)", "quantity": "2"},
            {"item_id": "(not set)", "item_name": "Lamp"},
        ],
    },
    {
        "event_name": "begin_checkout",
        "event_timestamp": "1612137602000000",
        "user_pseudo_id": "1.2",
        "items": [{"item_id": "C1"}],
    },
)


def check_ga4(found: Tables) -> None:
    assert found.items == {
        "C1": {"title": "Tin Cup", "categories": "Home, Cups", "brand": "Elm", "price": 9.5},
        "Lamp": {"title": "Lamp"},
    }
    assert [event[:3] + event[4:] for event in found.events] == [
        ("1.2", "C1", "view", "2021-02-01 00:00:01"),
        ("u7", "C1", "purchase", "2021-02-01 00:00:02"),
        ("u7", "Lamp", "purchase", "2021-02-01 00:00:02"),
    ]
    assert found.events[1][3] == 2.0
    assert found.result.notes == [
        "1 events left out: begin_checkout says nothing of its own of an item"
    ]


def test_ga4_as_json_lines(tmp_path: Path) -> None:
    text = "".join(f"{json.dumps(event)}\n" for event in GA4_EVENTS)
    check_ga4(converted("ga4", tmp_path, {"events_20210201.json.gz": text}))


@pytest.mark.parametrize("wrapped", [False, True])
def test_ga4_as_parquet(tmp_path: Path, wrapped: bool) -> None:
    events = pd.DataFrame(GA4_EVENTS)
    events["event_timestamp"] = events["event_timestamp"].astype("int64")
    if wrapped:
        events["items"] = [{"list": [{"element": i} for i in items]} for items in events["items"]]
    events.to_parquet(tmp_path / "events.parquet")
    raw = (tmp_path / "events.parquet").read_bytes()
    # BigQuery names the parts of an export without a suffix.
    check_ga4(converted("ga4", tmp_path, {"events_20210201_000000000000": raw}))
