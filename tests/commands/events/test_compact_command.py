"""`longtail data events --compact`: fewer files, no event twice, and none lost."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from command_line import longtail
from numpy.typing import NDArray
from service_client import serving

from longtail.retrieval.data.event_log import compaction
from longtail.retrieval.data.event_log.checkpoint import open_log
from longtail.retrieval.data.event_log.compaction import compact
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.lease import serving as lease_of


@pytest.fixture
def seen(retriever: Retriever) -> UserEvent:
    """An event that the log of the training holds."""
    log, ids = retriever.bundle.log, retriever.bundle.catalog.item_ids
    return UserEvent(str(log.user_ids[log.user[0]]), str(ids[log.item[0]]), int(log.time[0]))


def fresh(number: int) -> UserEvent:
    return UserEvent(f"new-{number}", "tea-oolong-small", 1_700_000_000, "seen", "looked", 2.5)


def test_what_the_log_holds_is_dropped_and_all_else_stays(
    run_copy: Path, seen: UserEvent, tmp_path: Path
) -> None:
    folder, events = run_copy / "events", [fresh(0), seen, fresh(1), seen, fresh(1)]
    folder.mkdir()
    (folder / "events-000001.jsonl").write_bytes(b"".join(map(line_of, events[:2])))
    (folder / "events.jsonl").write_bytes(b"".join(map(line_of, events[2:])))
    exported = [tmp_path / "before.csv", tmp_path / "after.csv"]
    longtail("data", "events", run_copy, "--with-log", "--out", exported[0])
    done = longtail("data", "events", run_copy, "--compact", "--with-log", "--out", exported[1])
    assert done.code == 0, done.err
    assert "3 events kept in one file of 2, 2 dropped" in done.out
    assert read_events(folder) == [fresh(0), fresh(1), fresh(1)]
    assert len(list(folder.glob("events-*.jsonl"))) == 1
    assert exported[0].read_bytes() == exported[1].read_bytes()
    longtail("data", "events", run_copy, "--with-log", "--out", exported[1])
    assert exported[0].read_bytes() == exported[1].read_bytes()
    with serving(run_copy) as (_, service):
        assert service.history_of(service.registry.retriever, "new-1") is not None


def test_events_are_learned_from_the_service_s_file_though_it_is_full(
    run_copy: Path, seen: UserEvent
) -> None:
    (run_copy / "events").mkdir()
    (run_copy / "events" / "events.jsonl").write_bytes(line_of(seen) + line_of(fresh(0)))
    opened = open_log(run_copy / "events")
    opened.writer.turn()
    opened.writer.close()
    path = run_copy / "events" / "events.jsonl"
    done = longtail("learn", run_copy, "--events", path, "--force")
    assert done.code == 0, done.err
    assert any(str(one) == "new-0" for one in Retriever.open(run_copy).bundle.log.user_ids)


def test_a_run_that_is_served_is_refused(run_copy: Path) -> None:
    with lease_of(run_copy):
        done = longtail("data", "events", run_copy, "--compact")
    assert "which serves it" in done.complaint


def test_nothing_to_do_is_misuse(run_copy: Path) -> None:
    assert longtail("data", "events", run_copy).code == 2


def test_without_events_there_is_nothing_to_compact(run_copy: Path) -> None:
    assert "0 events kept" in longtail("data", "events", run_copy, "--compact").out


def odd(events: object) -> NDArray[np.bool_]:
    assert isinstance(events, list)
    return np.array([event.timestamp % 2 == 1 for event in events], np.bool_)


@pytest.mark.parametrize("moment", range(8))
@pytest.mark.parametrize("call", ["replace", "unlink", "rename", "fsync"])
def test_killed_at_any_moment_it_loses_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, moment: int
) -> None:
    events, folder = [UserEvent("u", f"i{n}", n) for n in range(12)], tmp_path / "events"
    opened = open_log(folder)
    for start in (0, 4, 8):
        opened.writer.append(events[start : start + 4])
        opened.writer.turn()
    opened.writer.close()
    calls, real = 0, getattr(os, call)

    def killed(*words: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls > moment:
            raise KeyboardInterrupt
        return real(*words, **named)

    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(os, call, killed)
        compact(folder, odd)
    even = events[::2]
    assert read_events(folder) in (events, even)
    again = open_log(folder)
    again.writer.close()
    assert again.recent in (events, even)
    assert compaction.compact(folder, odd).kept == len(even)
    assert read_events(folder) == even
