"""Events: no acknowledged one is ever lost, and the next answer knows them."""

from __future__ import annotations

import asyncio
import csv
import errno
import os
import shutil
import threading
from pathlib import Path

import httpx2
import pytest
from command_line import longtail
from processes import LONGEST_WAIT_S
from service_client import USER, client_of, recommend, refused, served_process, serving

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.metrics import Metrics
from longtail.serving.updates import event_log
from longtail.serving.updates.event_log import EventLog
from longtail.serving.updates.user_histories import UserHistories

EVENTS = [UserEvent(f"u{n}", f'Müller\'s "tea" {n}', 1_700_000_000 + n) for n in range(5)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events.jsonl").write_bytes(b"".join(map(line_of, EVENTS)))
    return tmp_path


def opened(folder: Path, histories: UserHistories | None = None) -> EventLog:
    # Without events histories are as false as an empty list.
    histories = UserHistories() if histories is None else histories
    return EventLog.open(folder, histories, Metrics())


class TestTheFile:
    def test_gives_back_what_was_written(self, folder: Path) -> None:
        assert read_events(folder) == EVENTS

    @pytest.mark.parametrize("lost", [1, 2, 20, 40])
    def test_without_its_end_loses_the_torn_line_alone(self, folder: Path, lost: int) -> None:
        path = folder / "events.jsonl"
        path.write_bytes(path.read_bytes()[:-lost])
        assert read_events(folder) == EVENTS[:4]
        writer, torn = LogWriter.open(folder)
        writer.close()
        assert torn > 0
        assert path.read_bytes() == b"".join(map(line_of, EVENTS[:4]))

    def test_with_a_garbled_end_loses_the_garbled_lines(self, folder: Path) -> None:
        with (folder / "events.jsonl").open("ab") as file:
            file.write(b"\0" * 300)
        assert read_events(folder) == EVENTS

    def test_altered_in_the_middle_is_refused_with_the_line(self, folder: Path) -> None:
        path = folder / "events.jsonl"
        path.write_bytes(path.read_bytes().replace(b"u1", b"u7", 1))
        with pytest.raises(DamagedFileError, match="line 2"):
            read_events(folder)


class TestTheLog:
    def test_events_of_requests_that_come_together_share_a_sync(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[int] = []
        go = threading.Event()

        def slow(writer: LogWriter, events: list[UserEvent]) -> None:
            go.wait(LONGEST_WAIT_S)
            written.append(len(events))
            append(writer, events)

        append = LogWriter.append
        monkeypatch.setattr(LogWriter, "append", slow)

        async def story() -> None:
            log = opened(tmp_path)
            tasks = [asyncio.create_task(log.append([event])) for event in EVENTS]
            await asyncio.sleep(0.01)
            go.set()
            await asyncio.gather(*tasks)
            await log.close()

        asyncio.run(story())
        assert sum(written) == len(EVENTS)
        assert len(written) <= 2
        assert read_events(tmp_path) == EVENTS

    def test_a_full_disk_keeps_none_and_later_events_all(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.pwrite
        full = True

        def half(descriptor: int, data: memoryview, offset: int) -> int:
            if full:
                write(descriptor, data[:9], offset)
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(descriptor, data, offset)

        monkeypatch.setattr(os, "pwrite", half)

        async def story() -> None:
            nonlocal full
            histories = UserHistories()
            log = opened(folder, histories)
            with pytest.raises(event_log.RefusedError, match="none was kept"):
                await log.append([UserEvent("new", "tea", 1)])
            assert len(histories) == len(EVENTS)
            full = False
            await log.append([UserEvent("newer", "tea", 2)])
            await log.close()

        asyncio.run(story())
        assert read_events(folder) == [*EVENTS, UserEvent("newer", "tea", 2)]

    def test_after_a_failed_sync_nothing_more_is_acknowledged(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        async def story() -> None:
            log = opened(folder)
            with monkeypatch.context() as patched:
                patched.setattr(os, "fdatasync", failing)
                with pytest.raises(event_log.RefusedError):
                    await log.append([UserEvent("new", "tea", 1)])
            with pytest.raises(event_log.RefusedError):
                await log.append([UserEvent("newer", "tea", 2)])
            await log.close()

        asyncio.run(story())

    def test_events_of_a_user_go_by_time_and_ties_by_arrival(self, retriever: Retriever) -> None:
        histories = UserHistories()
        a, b, c = retriever.bundle.catalog.item_ids[:3].tolist()
        histories.add([UserEvent("new", c, 9), UserEvent("new", b, 5), UserEvent("new", a, 9)])
        rows = histories.rows(retriever, "new")
        assert rows is not None
        assert rows.tolist() == [1, 2, 0]


def post(client: object, *events: dict[str, object]) -> httpx2.Response:
    return client.post("/v1/events", json={"events": list(events)})  # type: ignore[attr-defined]


class TestTheService:
    def test_the_next_answer_knows_the_event(self, run_copy: Path, retriever: Retriever) -> None:
        history = [
            str(retriever.bundle.catalog.item_ids[row]) for row in retriever.history(USER).tolist()
        ]
        taken = ["tools-drill-small", "tools-drill-gift"]
        with serving(run_copy) as (client, _):
            for item in taken:
                assert post(client, {"user_id": USER, "item_id": item}).json() == {"accepted": 1}
            answer = recommend(client, user_id=USER, pool="all", k=20)
        frame = retriever.recommend(histories={USER: history + taken}, pool="all", k=20)
        assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()
        assert not {item["item_id"] for item in answer["items"]} & set(taken)

    def test_a_first_event_makes_a_user_known_and_a_restart_keeps_it(self, run_copy: Path) -> None:
        event = {"user_id": "stranger", "item_id": "tea-oolong-small", "timestamp": "2024-05-01"}
        with serving(run_copy) as (client, _):
            assert post(client, event).status_code == 202
            before = recommend(client, user_id="stranger")["items"]
        with serving(run_copy) as (client, _):
            assert recommend(client, user_id="stranger")["items"] == before

    def test_events_that_training_has_seen_since_do_not_count_twice(
        self, run_copy: Path, retriever: Retriever
    ) -> None:
        log, ids = retriever.bundle.log, retriever.bundle.catalog.item_ids
        user = int(log.user[0])
        seen = UserEvent(str(log.user_ids[user]), str(ids[log.item[0]]), int(log.time[0]))
        fresh = UserEvent(seen.user_id, seen.item_id, seen.timestamp + 1)
        (run_copy / "events").mkdir()
        (run_copy / "events" / "events.jsonl").write_bytes(line_of(seen) + line_of(fresh))
        with serving(run_copy) as (_, service):
            known = service.history_of(service.registry.retriever, seen.user_id)
        logged = retriever.history(seen.user_id).tolist()
        assert known is not None
        assert known.tolist() == [*logged, log.item[0]]

    def test_kill_9_while_events_are_written_loses_no_acknowledged_one(
        self, run_copy: Path
    ) -> None:
        acknowledged: list[str] = []
        with served_process(run_copy) as (url, process), client_of(url) as client:

            def kill() -> None:
                while len(acknowledged) < 40:
                    pass
                process.kill()

            killer = threading.Thread(target=kill)
            killer.start()
            for number in range(100_000):
                user = f"crashing-{number}"
                try:
                    response = post(client, {"user_id": user, "item_id": "tea-oolong-small"})
                except httpx2.TransportError:
                    break
                assert response.status_code == 202
                acknowledged.append(user)
            killer.join()
        # What a crash in the middle of a write leaves.
        with (run_copy / "events" / "events.jsonl").open("ab") as file:
            file.write(b'{"crc32":"00')
        with serving(run_copy) as (client, service):
            for user in (acknowledged[0], acknowledged[-1]):
                recommend(client, user_id=user)
            served = service.registry.retriever
            known = [u for u in acknowledged if service.history_of(served, u) is not None]
        assert known == acknowledged

    def test_a_run_is_served_by_one_process(self, run_copy: Path) -> None:
        with served_process(run_copy):
            done = longtail("serve", run_copy, "--port", 0)
            assert "is locked by process" in done.complaint


class TestBackToTraining:
    def test_events_are_written_as_an_interaction_file(
        self, run_copy: Path, tmp_path: Path
    ) -> None:
        with serving(run_copy) as (client, _):
            post(client, {"user_id": "a,b", "item_id": "tea-oolong-small", "timestamp": 1.7e9})
        out = tmp_path / "events.csv"
        assert longtail("data", "events", run_copy, "--out", out).code == 0
        lines = list(csv.reader(out.read_text(encoding="utf-8").splitlines()))
        assert lines == [
            ["user_id", "item_id", "timestamp"],
            ["a,b", "tea-oolong-small", "1700000000"],
        ]

    def test_with_the_log_it_is_what_training_reads(
        self, run_copy: Path, tmp_path: Path, shop_files: Path, retriever: Retriever
    ) -> None:
        with serving(run_copy) as (client, _):
            post(client, {"user_id": USER, "item_id": "tools-drill-small"})
        folder = shutil.copytree(shop_files, tmp_path / "files")
        out = folder / "interactions.csv"
        assert longtail("data", "events", run_copy, "--with-log", "--out", out).code == 0
        done = longtail("data", "validate", folder, "--strict")
        assert done.code == 0, done.err
        assert f"{len(retriever.bundle.log) + 1:,} interactions" in done.out

    def test_training_does_not_replace_a_run_with_events(
        self, run_copy: Path, shop_files: Path
    ) -> None:
        with serving(run_copy) as (client, _):
            post(client, {"user_id": USER, "item_id": "tools-drill-small"})
        done = longtail("train", shop_files, "--out", run_copy, "--overwrite")
        assert "longtail data events" in done.complaint
        assert read_events(run_copy / "events")


def test_hostile_ids_come_back_as_they_were(run_copy: Path) -> None:
    user = 'x"}{"crc32":"' + "é" * 100
    with serving(run_copy) as (client, _):
        assert post(client, {"user_id": user, "item_id": "tea-oolong-small"}).status_code == 202
        refused(client.post("/v1/recommend", json={"user_id": "x"}), 404, "unknown_user")
    assert [event.user_id for event in read_events(run_copy / "events")] == [user]


def test_a_user_known_by_events_alone_is_found_in_the_explorer(run_copy: Path) -> None:
    with serving(run_copy) as (client, _):
        assert client.get("/v1/users?search=somebody%20new").json()["users"] == []
        post(client, {"user_id": "somebody new", "item_id": "tea-oolong-small"})
        [found] = client.get("/v1/users?search=somebody%20new").json()["users"]
        assert (found["user_id"], found["history_length"]) == ("somebody new", 1)
        assert found["popularity_percentile"] > 0
        shown = client.get("/v1/users/somebody%20new").json()
        assert [card["item_id"] for card in shown["history"]] == ["tea-oolong-small"]
        known = client.get(f"/v1/users?search={USER}").json()["users"]
        assert [one["user_id"] for one in known].count(USER) == 1


def test_half_a_character_is_refused_wherever_it_stands(run_copy: Path) -> None:
    """JSON may hold one half of a pair of surrogates, which no file can."""
    half, headers = "\\ud800", {"Content-Type": "application/json"}
    with serving(run_copy) as (client, _):
        for method, address, body in (
            ("POST", "/v1/events", f'{{"events": [{{"user_id": "{half}", "item_id": "i"}}]}}'),
            ("POST", "/v1/events", f'{{"events": [{{"user_id": "u", "{half}": "i"}}]}}'),
            ("POST", "/v1/recommend", f'{{"user": {{"{half}": "{half}"}}}}'),
            ("POST", "/v1/recommend", f'{{"user_id": "u", "where": ["brand={half}"]}}'),
            ("PUT", "/v1/items/new", f'{{"title": "{half}"}}'),
            ("PUT", "/v1/items/new", f'{{"title": ["{half}"]}}'),
            ("PUT", "/v1/items/new", f'{{"{half}": "pan"}}'),
        ):
            answer = client.request(method, address, content=body.encode(), headers=headers)
            refused(answer, 422, "invalid_request")
        assert post(client, {"user_id": "u", "item_id": "tea-oolong-small"}).status_code == 202
    assert [event.user_id for event in read_events(run_copy / "events")] == ["u"]


@pytest.mark.parametrize("user", ["a\nb", "n\0ul", "   ", "x" * 513, "NULL", "guest", "a\u2028b"])
def test_ids_that_files_refuse_are_refused(run_copy: Path, user: str) -> None:
    with serving(run_copy) as (client, _):
        answer = post(client, {"user_id": user, "item_id": "tea-oolong-small"})
        assert "user_id" in refused(answer, 422, "invalid_request")
        if user == "a\nb":
            put = client.put("/v1/items/a%00b", json={"title": "Tea caddy"})
            assert "item_id" in refused(put, 422, "invalid_request")
    assert read_events(run_copy / "events") == []


def test_blanks_around_ids_are_taken_off_as_in_files(run_copy: Path) -> None:
    with serving(run_copy) as (client, _):
        event = {"user_id": " padded ", "item_id": " tea-oolong-small\n"}
        assert post(client, event).status_code == 202
        recommend(client, user_id="padded ")
        assert client.put("/v1/items/%20pad%20", json={"title": "Tea caddy"}).status_code == 200
        assert client.get("/v1/items/pad").json()["item"]["item_id"] == "pad"
        assert client.get("/v1/items/pad%20").status_code == 200
    [event_taken] = read_events(run_copy / "events")
    assert (event_taken.user_id, event_taken.item_id) == ("padded", "tea-oolong-small")


def test_exported_events_come_back_as_the_same_whatever_their_ids_hold(
    run_copy: Path, tmp_path: Path
) -> None:
    odd = [
        "=1+1",
        'q"uote, comma',
        "\ufeffbom",
        " lead ",
        "NA",
        "café",
        "'",
        "a;b|c\t",
        "0012",
        "1.0",
    ]
    unsafe = ["x\nvictim,item,1", "nul\0id", "a\rb", "NULL"]
    (run_copy / "events").mkdir()
    events = [
        UserEvent(user, "tea-oolong-small", 1_700_000_000 + n)
        for n, user in enumerate([*odd, *unsafe])
    ]
    (run_copy / "events" / "events.jsonl").write_bytes(b"".join(map(line_of, events)))
    out = tmp_path / "events.csv"
    done = longtail("data", "events", run_copy, "--out", out)
    assert "4 events whose ids no file may hold are left out" in done.err
    rejected = RejectedRows()
    log = read_interactions(out, Retriever.open(run_copy).bundle.catalog, rejected=rejected)
    assert len(rejected) == 0
    assert sorted(zip(log.user_ids[log.user].tolist(), log.time.tolist(), strict=True)) == sorted(
        (user.strip(), 1_700_000_000 + n) for n, user in enumerate(odd)
    )
