"""What a service was told of is learned with its meanings, from its own file and from an export."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import longtail

from longtail.files.log_files import service_log
from longtail.files.reading_options import as_trained
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import SEEN, TAKEN
from longtail.retrieval.data.meaning.event_names import EventNames
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.training.learning.logs import held_events, on_top

AT = 1_700_000_000
USERS = ["plain", 'quo"te', "a,b;c", " blank", "007", "=1+1", "é" * 512]


def told(item_ids: list[str]) -> list[UserEvent]:
    """Return events of all meanings, two of one second, one sent twice, and a change of mind."""
    first, second, third = item_ids[:3]
    events: list[UserEvent] = []
    for n, user in enumerate(USERS):
        at = AT + 100 * n
        events += [
            UserEvent(user, first, at, "seen", "view"),
            UserEvent(user, first, at, "taken", "purchase", 2.5),
            UserEvent(user, first, at, "taken", "purchase", 2.5),
            UserEvent(user, second, at + 1),
            UserEvent(user, second, at + 1, "rejected", "dislike", None, "list-7"),
            UserEvent(user, second, at + 2, "shown"),
            UserEvent(user, third, at + 3, "had", None, 3.0),
            UserEvent(user, third, at + 4, "dropped", "peculiar"),
        ]
    return events


@pytest.fixture
def served(run_copy: Path, catalog: Catalog) -> Path:
    (run_copy / "events").mkdir()
    path = run_copy / "events" / "events.jsonl"
    path.write_bytes(b"".join(map(line_of, told(catalog.item_ids.tolist()))))
    return run_copy


def plain(log: Interactions) -> list[tuple[object, ...]]:
    assert log.label is not None
    assert log.weight is not None
    columns = (log.user_ids[log.user], log.item, log.time, log.label, log.weight.astype(str))
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_the_export_is_the_same_log_as_the_service_s_own_file(
    served: Path, catalog: Catalog, tmp_path: Path
) -> None:
    out = tmp_path / "events.csv"
    assert longtail("data", "events", served, "--out", out).code == 0
    own = service_log(served / "events" / "events.jsonl", catalog, RejectedRows())
    reading = as_trained(AS_THEY_ARE, {})
    exported = read_interactions(out, catalog, reading=reading, rejected=RejectedRows())
    spelt = replace(own, user_ids=np.array([u.strip() for u in own.user_ids], object))
    assert plain(exported) == plain(spelt)
    # Look and purchase of one second are two; the rejection is what the second ended with.
    assert len(own) == 6 * len(USERS)
    header, *lines = csv.reader(out.read_text(encoding="utf-8").splitlines())
    assert header == ["user_id", "item_id", "timestamp", "event", "weight", "request_id"]
    assert [line[3] for line in lines[:3]] == ["view", "purchase", "purchase"]
    assert {line[3] for line in lines} >= {"dislike", "shown", "had", "dropped"}


def test_the_log_comes_with_its_meanings_and_what_it_holds_comes_once(
    served: Path, catalog: Catalog, tmp_path: Path
) -> None:
    out = tmp_path / "whole.csv"
    assert longtail("data", "events", served, "--with-log", "--out", out).code == 0
    frame = pd.read_csv(out)
    assert set(frame["event"]) >= {"taken", "view", "purchase", "dislike"}


def test_a_look_at_the_second_of_a_purchase_is_learned_beside_it(catalog: Catalog) -> None:
    one = np.zeros(1, np.int32)
    bought = Interactions(np.array(["u"], object), one, one, np.array([AT]), has_clock=True)
    looked = replace(bought, label=np.array([SEEN], np.int8))
    assert not held_events(looked, bought).any()
    both = on_top(bought, looked)
    assert both.label is not None
    assert sorted(both.label.tolist()) == [TAKEN, SEEN]
    assert len(on_top(both, looked)) == 2


def test_a_day_of_looks_alone_is_read_as_looks(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    items = catalog.item_ids[:6].tolist()
    pd.DataFrame(
        {"user_id": "u", "item_id": items, "timestamp": AT + np.arange(6), "event": "seen"}
    ).to_csv(path, index=False)
    data = {"positive": ["event=purchase"]}
    reading = as_trained(AS_THEY_ARE, data)
    log = read_interactions(path, catalog, reading=reading, rejected=RejectedRows())
    assert log.label is not None
    assert set(log.label.tolist()) == {SEEN}


def test_what_training_s_log_was_taken_for_is_a_setting_of_the_run(
    catalog: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    items = catalog.item_ids[:6].tolist()
    pd.DataFrame(
        {"user_id": "u", "item_id": items, "timestamp": AT + np.arange(6), "event": "click"}
    ).to_csv(path, index=False)
    rejected = RejectedRows()
    read_interactions(path, catalog, rejected=rejected)
    settings = rejected.told.settings({"events": {"peek": "seen"}, "rating": None})
    assert settings == {"events": {"click": "taken", "peek": "seen"}, "rating": None}
    assert ToldMeanings.of(settings).meaning("click") == "taken"
    stars = pd.DataFrame({"user_id": "u", "item_id": items, "rating": [5, 1, 2, 3, 4, 5]})
    stars.to_csv(path, index=False)
    rejected = RejectedRows()
    read_interactions(path, catalog, rejected=rejected)
    assert rejected.told.rating == {"taken": ">=4", "rejected": "<=2", "none": "<=0"}


def test_an_exported_name_means_the_same_to_the_run_and_to_everybody() -> None:
    films = EventNames.of({"seen": "taken"}, None)
    assert films.name("seen") == "view"
    assert films.name("taken", "seen") == "taken"
    assert EventNames.of({}, ["purchase"]).name("taken", "add_to_cart") == "taken"
