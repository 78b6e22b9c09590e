"""Events of a run whose log is an order, exported with it: one order, and all of it reads back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from longtail.files import events_file
from longtail.files.events_file import write_events
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.retriever import Retriever


@pytest.mark.parametrize("moment", [0, 1_700_000_000], ids=["places", "one moment"])
def test_with_a_log_without_times_the_whole_of_it_is_an_order(
    run_copy: Path,
    tmp_path: Path,
    retriever: Retriever,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
) -> None:
    bundle = retriever.bundle
    places = np.argsort(np.argsort(bundle.log.time, kind="stable"), kind="stable")
    time = np.full_like(places, moment) if moment else places
    log = replace(bundle.log, has_clock=False, time=time)
    monkeypatch.setattr(events_file, "open_trained", lambda _: replace(bundle, log=log))
    # More of them than of the log: together they would be read as times.
    ids = bundle.catalog.item_ids.tolist()
    moments = 1_700_000_000 + 60 * np.arange(2 * len(log))[::-1]
    events = [UserEvent(f"new{n % 50}", ids[n // 50], int(t)) for n, t in enumerate(moments)]
    (run_copy / "events").mkdir(exist_ok=True)
    (run_copy / "events" / "events.jsonl").write_bytes(b"".join(map(line_of, events)))
    out = tmp_path / "events.csv"
    assert write_events(run_copy, out, with_log=True) == (len(log), len(events))
    rejected = RejectedRows()
    again = read_interactions(out, bundle.catalog, rejected=rejected)
    assert not len(rejected)
    assert not again.has_clock
    assert len(again) == len(log) + len(events)
    before, after = Histories.from_interactions(log), Histories.from_interactions(again)
    histories = {str(user): after[n].tolist() for n, user in enumerate(after.user_ids)}
    for n, user in enumerate(before.user_ids):
        assert histories[str(user)] == before[n].tolist()
    newest = [ids.index(event.item_id) for event in reversed(events) if event.user_id == "new3"]
    assert histories["new3"] == newest
