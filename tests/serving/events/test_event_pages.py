"""What is long past lies in pages on the disk, and says what it said in memory."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_client import serving

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.event_log import checkpoint, whole_lines
from longtail.retrieval.data.event_log.checkpoint import open_log
from longtail.retrieval.data.event_log.event_table import EventTable
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.event_log.segments import open_segments
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.data.meaning.behaviours import MEANINGS
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.metrics import Metrics
from longtail.serving.updates import event_log, live_clock
from longtail.serving.updates.event_log import EventLog
from longtail.serving.updates.user_histories import UserHistories

USERS = ("oolong-fan-1", "new", 'q"uote', "é", "")
EVENTS = st.lists(
    st.tuples(st.sampled_from(USERS), st.integers(0, 5), st.integers(0, 4), st.integers(0, 5)),
    max_size=40,
)


def told(retriever: Retriever, drawn: list[tuple[str, int, int, int]]) -> list[UserEvent]:
    """Return events of few users, items and seconds, so that they repeat and deny each other."""
    ids = [*retriever.bundle.catalog.item_ids[:5].tolist(), "forgotten"]
    return [
        UserEvent(user, ids[item], 1_700_000_000 + second, MEANINGS[code], "named", 2.0)
        for user, item, second, code in drawn
    ]


def said(histories: UserHistories, retriever: Retriever, user: str) -> object:
    past = histories.past(retriever, user)
    if past is None:
        return None
    beside = past.beside
    return (
        past.items.tolist(),
        None if past.times is None else past.times.tolist(),
        None if beside is None else [beside.seen[0].tolist(), beside.rejected[0].tolist()],
    )


def in_memory(events: list[UserEvent]) -> UserHistories:
    histories = UserHistories()
    for event in events:
        histories.add([event])
    return histories


def written_with(folder: Path, events: list[UserEvent], batch: int) -> UserHistories:
    """Write events batch by batch as a service does, and return what it knows in the end."""
    shutil.rmtree(folder, ignore_errors=True)

    async def story() -> UserHistories:
        histories = UserHistories()
        log = EventLog.open(folder, histories, Metrics())
        for start in range(0, len(events), batch):
            await log.append(events[start : start + batch])
            if log._paging is not None:
                await log._paging
        await log.close()
        return histories

    return asyncio.run(story())


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are full after some lines."""
    for module in (checkpoint, event_log):
        monkeypatch.setattr(module, "FULL_BYTES", 700)


@pytest.mark.usefixtures("small_files")
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=EVENTS, batch=st.integers(1, 4))
def test_pages_say_what_memory_would(
    tmp_path: Path, retriever: Retriever, drawn: list[tuple[str, int, int, int]], batch: int
) -> None:
    events = told(retriever, drawn)
    whole = in_memory(events)
    served = written_with(tmp_path / "events", events, batch)
    started = open_log(tmp_path / "events")
    started.writer.close()
    again = UserHistories.of(started.pages, started.recent)
    assert read_events(tmp_path / "events") == events
    for user in USERS:
        expected = said(whole, retriever, user)
        assert said(served, retriever, user) == expected
        assert said(again, retriever, user) == expected


@pytest.mark.usefixtures("small_files")
def test_the_clock_hears_of_an_item_once_a_user(
    tmp_path: Path, retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_clock, "MOST_TIME", np.inf)
    log = retriever.bundle.log
    clock = ItemClock.of(log, len(retriever.bundle.catalog), [1e3, 1e4], now=1_600_000_000)
    bundle = replace(retriever.bundle, clock=clock)
    random = np.random.default_rng(0)
    drawn = random.integers(0, [3, 5, 1000, 6], (120, 4)).tolist()
    events = told(retriever, [(USERS[user], *rest) for user, *rest in drawn])
    expected = in_memory(events).clock.of(bundle)
    served = written_with(tmp_path / "events", events, 3)
    assert served.pages is not None
    clocks = [served.clock.of(bundle)]
    started = open_log(tmp_path / "events")
    started.writer.close()
    clocks.append(UserHistories.of(started.pages, started.recent).clock.of(bundle))
    assert expected is not None
    for moved in clocks:
        assert moved is not None
        assert moved.total.tolist() == expected.total.tolist()
        assert moved.first.tolist() == expected.first.tolist()
        np.testing.assert_allclose(moved.recent, expected.recent)


@pytest.mark.usefixtures("small_files")
class TestFullFiles:
    def filled(self, folder: Path, retriever: Retriever) -> list[UserEvent]:
        drawn = [(USERS[n % 2], n % 5, n, 1) for n in range(40)]
        events = told(retriever, drawn)
        written_with(folder, events, 1)
        assert len(list(folder.glob("events-*.jsonl"))) > 2
        return events

    def test_leave_little_in_memory(self, tmp_path: Path, retriever: Retriever) -> None:
        self.filled(tmp_path / "events", retriever)
        started = open_log(tmp_path / "events")
        started.writer.close()
        assert started.pages is not None
        assert len(started.recent) < 10

    @pytest.mark.parametrize("spoilt", ["manifest.json", "item.npy", "user_ids.bytes.npy", ""])
    def test_whose_pages_are_spoilt_or_gone_have_new_ones(
        self, tmp_path: Path, retriever: Retriever, spoilt: str
    ) -> None:
        folder = tmp_path / "events"
        events = self.filled(folder, retriever)
        if spoilt:
            data = bytearray((folder / "pages" / spoilt).read_bytes())
            data[-3] ^= 1
            (folder / "pages" / spoilt).write_bytes(data)
        else:
            shutil.rmtree(folder / "pages")
        started = open_log(folder)
        started.writer.close()
        again = UserHistories.of(started.pages, started.recent)
        for user in USERS[:2]:
            assert said(again, retriever, user) == said(in_memory(events), retriever, user)

    def test_that_were_altered_are_refused(self, tmp_path: Path, retriever: Retriever) -> None:
        folder = tmp_path / "events"
        self.filled(folder, retriever)
        path = folder / "events-000001.jsonl"
        path.write_bytes(path.read_bytes().replace(b"new", b"now", 1))
        with pytest.raises(DamagedFileError, match=r"events-000001\.jsonl, line 2"):
            open_log(folder)
        with pytest.raises(DamagedFileError, match="line 2"):
            read_events(folder)

    def test_are_read_as_one_log_while_another_is_filled(
        self, tmp_path: Path, retriever: Retriever
    ) -> None:
        folder = tmp_path / "events"
        events = self.filled(folder, retriever)
        with open_segments(folder) as before:
            opened = open_log(folder)
            opened.writer.turn()
            opened.writer.close()
            found = [line for one in before for line in one.file.read().splitlines()]
        assert len(found) == len(events)
        assert read_events(folder) == events

    @pytest.mark.parametrize("moment", range(4))
    @pytest.mark.parametrize("call", ["rename", "open", "fsync"])
    def test_killed_while_one_is_filled_lose_nothing(
        self,
        tmp_path: Path,
        retriever: Retriever,
        monkeypatch: pytest.MonkeyPatch,
        call: str,
        moment: int,
    ) -> None:
        events = told(retriever, [("new", n % 5, n, 1) for n in range(12)])
        opened, calls, real = open_log(tmp_path / "events"), 0, getattr(os, call)

        def killed(*words: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls > moment:
                raise KeyboardInterrupt
            return real(*words, **named)

        opened.writer.append(events[:6])
        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            patched.setattr(os, call, killed)
            opened.writer.turn()
            opened.writer.append(events[6:])
        opened.writer.close()
        again = open_log(tmp_path / "events")
        again.writer.close()
        assert read_events(tmp_path / "events") in (events[:6], events)


def test_a_restart_of_a_service_with_pages_answers_the_same(
    run_copy: Path, retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "FULL_BYTES", 700)
    (run_copy / "events").mkdir()
    events = told(retriever, [("new", n % 5, n, 1 + n % 3) for n in range(40)])
    (run_copy / "events" / "events.jsonl").write_bytes(b"".join(map(line_of, events)))
    with serving(run_copy) as (_, service):
        assert service.histories.pages is not None
        known = said(service.histories, retriever, "new")
    assert known == said(in_memory(events), retriever, "new")


def test_lines_are_taken_apart_in_compiled_loops_as_json_does(
    tmp_path: Path, retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_lines, "FEW", 0)
    drawn = [(USERS[n % 5], n % 6, n, n % 6) for n in range(60)]
    events = told(retriever, drawn)
    events += [replace(event, type=None, weight=None) for event in events]
    events += [UserEvent("u\\n", "i", 0), UserEvent("u", 'i"', -5), UserEvent("u", "", 2**62)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(map(line_of, events)) + b'{"crc32":"00')
    with open_segments(tmp_path) as segments:
        table = EventTable.read(segments)
    users, items = table.user_ids.to_pylist(), table.item_ids.to_pylist()
    found = [
        (users[user], items[item], time, MEANINGS[code])
        for user, item, time, code in zip(
            table.user.tolist(),
            table.item.tolist(),
            table.time.tolist(),
            table.code.tolist(),
            strict=True,
        )
    ]
    assert found == [(e.user_id, e.item_id, e.timestamp, e.meaning) for e in events]


@pytest.mark.parametrize("place", range(0, 90, 7))
def test_a_line_with_a_bit_turned_is_found_by_compiled_loops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(whole_lines, "FEW", 0)
    lines = [line_of(UserEvent(f"user-{n}", "tea", 1_700_000_000 + n)) for n in range(3)]
    altered = bytearray(lines[1])
    altered[min(place, len(altered) - 2)] ^= 1
    (tmp_path / "events.jsonl").write_bytes(lines[0] + altered + lines[2])
    with pytest.raises(DamagedFileError, match="line 2"), open_segments(tmp_path) as segments:
        EventTable.read(segments)
