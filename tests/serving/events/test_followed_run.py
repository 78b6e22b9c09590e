"""The event log goes where the run's folder goes: what was acknowledged is at the run's path."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import httpx2
import pytest
from processes import LONGEST_WAIT_S
from service_client import client_of, refused, served_process, serving
from starlette.testclient import TestClient

from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run import lease
from longtail.serving.app import make_app
from longtail.serving.limits import Limits
from longtail.serving.service import Service

ITEM = "tea-oolong-small"
LOOKING = Limits(poll_s=0.05, deadline_s=LONGEST_WAIT_S, client_s=LONGEST_WAIT_S)


def told(
    client: TestClient | httpx2.Client, user: str, item: str = ITEM, timestamp: int = 1_700_000_000
) -> httpx2.Response:
    event = {"user_id": user, "item_id": item, "timestamp": timestamp}
    answer: httpx2.Response = client.post("/v1/events", json={"events": [event]})
    return answer


def taken(client: TestClient | httpx2.Client, user: str) -> None:
    """Tell an event again and again, as a client does that is told to, until it is kept."""
    ends = time.monotonic() + LONGEST_WAIT_S
    while (answer := told(client, user)).status_code != 202:
        refused(answer, 503, "run_replaced")
        assert answer.headers["Retry-After"] == "1"
        assert time.monotonic() < ends
        time.sleep(0.02)


def status_of(client: TestClient) -> str:
    status: str = client.get("/readyz").json()["status"]
    return status


def until(client: TestClient, said: str) -> None:
    ends = time.monotonic() + LONGEST_WAIT_S
    while said not in client.get("/readyz").text:
        assert time.monotonic() < ends
        time.sleep(0.02)


def users_of(run: Path) -> list[str]:
    return [event.user_id for event in read_events(run / "events")]


@pytest.fixture
def new_run(run_copy: Path, cli_run: Path) -> Path:
    """A run that was trained anew, beside the one that is served."""
    return Path(shutil.copytree(cli_run, run_copy.with_name("next run")))


def swap(run: Path, new: Path) -> Path:
    aside = run.with_name("old run")
    run.rename(aside)
    new.rename(run)
    return aside


class TestARunThatIsSwapped:
    def test_takes_along_what_was_acknowledged(self, run_copy: Path, new_run: Path) -> None:
        with serving(run_copy, limits=LOOKING) as (client, service):
            taken(client, "before")
            swap(run_copy, new_run)
            taken(client, "after")
            assert status_of(client) == "ready"
            known = [service.history_of(service.registry.retriever, u) for u in ("before", "after")]
            assert None not in [None if rows is None else len(rows) for rows in known]
        assert users_of(run_copy) == ["before", "after"]

    def test_leaves_behind_what_its_training_has_seen(
        self, run_copy: Path, new_run: Path, retriever: Retriever
    ) -> None:
        log, ids = retriever.bundle.log, retriever.bundle.catalog.item_ids
        seen = str(log.user_ids[log.user[0]]), str(ids[log.item[0]]), int(log.time[0])
        with serving(run_copy, limits=LOOKING) as (client, service):
            assert told(client, *seen).status_code == 202
            taken(client, "before")
            swap(run_copy, new_run)
            taken(client, "after")
            known = service.history_of(service.registry.retriever, seen[0])
            assert known is not None
            assert known.tolist() == service.registry.retriever.history(seen[0]).tolist()
        assert users_of(run_copy) == ["before", "after"]

    def test_whose_events_were_copied_before_holds_each_as_often_as_it_came(
        self, run_copy: Path, new_run: Path
    ) -> None:
        with serving(run_copy, limits=LOOKING) as (client, _):
            taken(client, "copied")
            shutil.copytree(run_copy / "events", new_run / "events")
            taken(client, "copied")
            taken(client, "later")
            swap(run_copy, new_run)
            taken(client, "after")
        assert users_of(run_copy) == ["copied", "copied", "later", "after"]

    def test_and_deleted_loses_nothing(self, run_copy: Path, new_run: Path) -> None:
        with serving(run_copy, limits=LOOKING) as (client, _):
            taken(client, "before")
            shutil.rmtree(swap(run_copy, new_run))
            taken(client, "after")
        assert users_of(run_copy) == ["before", "after"]

    def test_that_can_not_be_served_is_followed_with_all_events(
        self, run_copy: Path, new_run: Path
    ) -> None:
        (new_run / "index" / "CURRENT").write_text("nothing")
        with serving(run_copy, limits=LOOKING) as (client, _):
            taken(client, "before")
            swap(run_copy, new_run)
            taken(client, "after")
            assert status_of(client) == "degraded"
        assert users_of(run_copy) == ["before", "after"]

    def test_again_and_again_is_followed_every_time(self, run_copy: Path, new_run: Path) -> None:
        with serving(run_copy, limits=LOOKING) as (client, _):
            for number in range(4):
                taken(client, f"u{number}")
                swap(run_copy, new_run).rename(new_run)
            taken(client, "last")
        assert sorted(users_of(run_copy)) == ["last", "u0", "u1", "u2", "u3"]


class TestWhatIsNotAcknowledged:
    def test_is_what_no_start_would_find(self, run_copy: Path) -> None:
        gone = run_copy.with_name("gone")
        with serving(run_copy, limits=LOOKING) as (client, _):
            taken(client, "before")
            run_copy.rename(gone)
            refused(told(client, "nowhere"), 503, "run_replaced")
            assert "was replaced" in client.get("/readyz").json()["reason"]
            refused(told(client, "nowhere"), 503, "run_replaced")
            gone.rename(run_copy)
            taken(client, "after")
            until(client, '"ready"')
        assert users_of(run_copy) == ["before", "after"]

    def test_is_what_was_written_while_the_folder_went(
        self, run_copy: Path, new_run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sync, swapped = os.fdatasync, []

        def swapping(descriptor: int) -> None:
            sync(descriptor)
            if not swapped:
                swapped.append(swap(run_copy, new_run))

        with serving(run_copy, limits=LOOKING) as (client, _):
            monkeypatch.setattr(os, "fdatasync", swapping)
            refused(told(client, "torn"), 503, "run_replaced")
            taken(client, "after")
        assert users_of(run_copy) == ["after"]
        assert users_of(swapped[0]) == []

    def test_is_what_another_process_should_write(self, run_copy: Path, new_run: Path) -> None:
        with lease.serving(run_copy) as held:
            service = Service.open(run_copy, LOOKING, held)
            with TestClient(make_app(service)) as client:
                taken(client, "before")
                with lease.serving(new_run):
                    swap(run_copy, new_run)
                    refused(told(client, "two writers"), 503, "run_replaced")
                    until(client, "another process")
                until(client, '"ready"')
        assert users_of(run_copy) == ["before"]

    def test_is_what_finds_no_room_in_the_new_folder(
        self, run_copy: Path, new_run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int, data: memoryview, offset: int) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with serving(run_copy, limits=LOOKING) as (client, _):
            taken(client, "before")
            with monkeypatch.context() as patched:
                patched.setattr(os, "pwrite", full)
                swap(run_copy, new_run)
                until(client, "degraded")
                refused(told(client, "homeless"), 503, "run_replaced")
            until(client, '"ready"')
        assert users_of(run_copy) == ["before"]


def test_a_removed_file_of_events_is_written_again(run_copy: Path) -> None:
    with serving(run_copy, limits=LOOKING) as (client, _):
        taken(client, "before")
        shutil.rmtree(run_copy / "events")
        taken(client, "after")
    assert users_of(run_copy) == ["before", "after"]


def test_kill_9_after_a_swap_leaves_every_acknowledged_event_at_the_path(
    run_copy: Path, new_run: Path
) -> None:
    with served_process(run_copy) as (url, process), client_of(url) as client:
        taken(client, "before")
        swap(run_copy, new_run)
        for number in range(20):
            taken(client, f"after-{number}")
        process.kill()
    assert users_of(run_copy) == ["before", *(f"after-{number}" for number in range(20))]


class TestZerosAfterAPowerCut:
    LINES = tuple(line_of(UserEvent(f"u{n}", "tea", 1_700_000_000 + n)) for n in range(5))

    @pytest.mark.parametrize("hole", [(0, 60), (30, 200), (85, 340)])
    def test_in_front_of_whole_lines_cost_no_line_but_those_they_hit(
        self, tmp_path: Path, hole: tuple[int, int]
    ) -> None:
        synced, batch = b"".join(self.LINES[:2]), bytearray(b"".join(self.LINES[2:]) * 2)
        batch[slice(*hole)] = bytes(hole[1] - hole[0])
        path = tmp_path / "events.jsonl"
        path.write_bytes(synced + batch)
        found = read_events(tmp_path)
        assert [event.user_id for event in found[:2]] == ["u0", "u1"]
        assert 2 < len(found) < 8
        writer, torn = LogWriter.open(tmp_path)
        assert torn > 0
        writer.append([UserEvent("later", "tea", 1)])
        writer.close()
        assert read_events(tmp_path) == [*found, UserEvent("later", "tea", 1)]
        assert b"\0" not in path.read_bytes()

    def test_far_from_the_end_are_damage(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("longtail.retrieval.data.event_log.reading.MOST_UNSYNCED", 100)
        (tmp_path / "events.jsonl").write_bytes(b"\0" * 50 + b"".join(self.LINES))
        with pytest.raises(Exception, match="line 1: is not the line that was written"):
            read_events(tmp_path)
