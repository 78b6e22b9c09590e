"""An event with the id of an answered list says what its user has seen beside the item."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from changing_catalog import done
from service_client import PATIENT, USER, recommend, serving
from starlette.testclient import TestClient

from longtail.files.log_files import service_log
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.meaning.behaviours import SHOWN, TAKEN
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.http.response_bodies import AnsweredList
from longtail.serving.service import Service
from longtail.serving.updates.shown_lists import MOST_SEEN, ShownLists, surely_seen

AT = 1_700_000_000


@pytest.fixture
def running(run_copy: Path) -> Iterator[tuple[TestClient, Service]]:
    with serving(run_copy) as both:
        yield both


def asked(client: TestClient, name: str = "list-7", **ask: Any) -> list[str]:
    headers = {"X-Request-Id": name}
    response = client.post("/v1/recommend", json={"pool": "all", **ask}, headers=headers)
    assert response.status_code == 200, response.text
    return [item["item_id"] for item in response.json()["items"]]


def told(client: TestClient, *events: dict[str, Any]) -> httpx2.Response:
    return client.post("/v1/events", json={"events": list(events)})


def event(item_id: str, **more: Any) -> dict[str, Any]:
    return {"user_id": USER, "item_id": item_id, "timestamp": AT, "request_id": "list-7", **more}


def written(run: Path) -> list[tuple[str, str]]:
    return [(one.item_id, one.meaning) for one in read_events(run / "events")]


class TestAnEventOfAList:
    def test_says_that_what_stood_above_and_the_next_one_were_shown(
        self, running: tuple[TestClient, Service], run_copy: Path
    ) -> None:
        items = asked(running[0], user_id=USER)
        assert told(running[0], event(items[2], type="purchase")).json() == {"accepted": 1}
        shown = [
            UserEvent(USER, items[place], AT, "shown", "impression", None, "list-7")
            for place in (0, 1, 3)
        ]
        took = UserEvent(USER, items[2], AT, "taken", "purchase", None, "list-7")
        assert read_events(run_copy / "events") == [*shown, took]

    def test_says_it_once(self, running: tuple[TestClient, Service], run_copy: Path) -> None:
        items = asked(running[0], user_id=USER)
        told(running[0], event(items[1], type="view"))
        told(running[0], event(items[4]))
        shown = [(items[0], "shown"), (items[2], "shown")]
        assert written(run_copy) == [*shown, (items[1], "seen"), (items[4], "taken")]

    def test_says_nothing_of_what_was_taken_or_is_told_beside_it(
        self, running: tuple[TestClient, Service], run_copy: Path
    ) -> None:
        items = asked(running[0], user_id=USER)
        told(running[0], event(items[1], request_id=None))
        told(running[0], event(items[4]), event(items[2], type="view"))
        assert written(run_copy)[1:] == [
            *((items[place], "shown") for place in (0, 3, 5)),
            (items[4], "taken"),
            (items[2], "seen"),
        ]

    def test_says_nothing_of_what_left_the_catalog(
        self, running: tuple[TestClient, Service], run_copy: Path
    ) -> None:
        items = asked(running[0], user_id=USER)
        assert running[0].delete(f"/v1/items/{items[0]}").status_code == 200
        told(running[0], event(items[1]))
        assert written(run_copy) == [(items[2], "shown"), (items[1], "taken")]

    @pytest.mark.parametrize(
        "stranger",
        [{"user_id": "somebody-else"}, {"request_id": "list-8"}, {"request_id": None}],
    )
    def test_of_somebody_else_or_another_list_says_nothing(
        self, running: tuple[TestClient, Service], run_copy: Path, stranger: dict[str, Any]
    ) -> None:
        items = asked(running[0], user_id=USER)
        told(running[0], event(items[2], **stranger))
        assert written(run_copy) == [(items[2], "taken")]

    def test_with_an_item_that_was_not_on_it_says_nothing_and_uses_nothing_up(
        self, running: tuple[TestClient, Service], run_copy: Path
    ) -> None:
        *items, other = asked(running[0], user_id=USER, k=11)
        asked(running[0], user_id=USER, k=10)
        told(running[0], event(other))
        told(running[0], event(items[0]))
        assert written(run_copy) == [
            (other, "taken"),
            (items[1], "shown"),
            (items[0], "taken"),
        ]

    def test_leaves_impressions_to_a_client_that_tells_its_own(
        self, running: tuple[TestClient, Service], run_copy: Path
    ) -> None:
        items = asked(running[0], user_id=USER)
        told(running[0], event(items[2]), event(items[0], type="impression"))
        told(running[0], event(items[4]))
        expected = [(items[2], "taken"), (items[0], "shown"), (items[4], "taken")]
        assert written(run_copy) == expected

    def test_in_a_batch_is_of_its_users_own_lists(
        self, running: tuple[TestClient, Service], run_copy: Path
    ) -> None:
        client, other = running[0], "oolong-fan-0"
        asks = [
            {"user_id": USER, "pool": "tail", "k": 3},
            {"user_id": other, "pool": "all", "k": 3},
            {"user_id": USER, "pool": "head", "k": 3},
            {"user_id": "nobody-knows"},
        ]
        headers = {"X-Request-Id": "list-7"}
        answer = client.post("/v1/recommend:batch", json={"requests": asks}, headers=headers)
        lists = [[item["item_id"] for item in one["items"]] for one in answer.json()["answers"][:3]]
        told(client, event(lists[2][1]), event(lists[1][0], user_id=other))
        told(client, event(lists[0][0]))
        assert [(one.user_id, one.item_id) for one in read_events(run_copy / "events")] == [
            *((USER, lists[2][place]) for place in (0, 2, 1)),
            *((other, lists[1][place]) for place in (1, 0)),
            *((USER, lists[0][place]) for place in (1, 0)),
        ]

    def test_is_refused_with_its_impressions_and_comes_again_with_them(
        self,
        running: tuple[TestClient, Service],
        run_copy: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        items = asked(running[0], user_id=USER)

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            assert told(running[0], event(items[1])).status_code == 503
        assert written(run_copy) == []
        assert told(running[0], event(items[1])).status_code == 202
        assert [meaning for _, meaning in written(run_copy)] == ["shown", "shown", "taken"]


def test_impressions_keep_nothing_out_of_the_next_list(
    running: tuple[TestClient, Service],
) -> None:
    items = asked(running[0], user_id=USER, k=80)
    told(running[0], event(items[2]))
    after = recommend(running[0], user_id=USER, k=80, pool="all")["items"]
    assert {item["item_id"] for item in after} == {*items} - {items[2]}


def test_switched_off_no_list_is_remembered(run_copy: Path) -> None:
    with serving(run_copy, limits=replace(PATIENT, impressions=False)) as (client, service):
        items = asked(client, user_id=USER)
        told(client, event(items[2]))
        assert len(service.shown) == 0
    assert written(run_copy) == [(items[2], "taken")]


def test_files_and_learning_read_impressions_as_shown(
    run_copy: Path, tmp_path: Path, retriever: Retriever
) -> None:
    with serving(run_copy) as (client, _):
        items = asked(client, user_id=USER)
        told(client, event(items[1]))
        # Later it is taken all the same.
        told(client, event(items[0], timestamp=AT + 60))
    exported = tmp_path / "events.csv"
    done("data", "events", run_copy, "--out", exported)
    with exported.open(newline="") as file:
        rows = list(csv.DictReader(file))
    events = ["impression", "impression", "taken", "taken"]
    assert [row["event"] for row in rows] == events
    assert {row["request_id"] for row in rows} == {"list-7"}
    catalog, learned = retriever.bundle.catalog, run_copy / "events" / "events.jsonl"
    for log in (
        read_interactions(exported, catalog, rejected=RejectedRows()),
        service_log(learned, catalog, RejectedRows()),
    ):
        assert log.label is not None
        assert sorted(zip(log.item.tolist(), log.label.tolist(), strict=True)) == sorted(
            zip(
                catalog.rows_of([items[place] for place in (0, 2, 1, 0)]).tolist(),
                (SHOWN, SHOWN, TAKEN, TAKEN),
                strict=True,
            )
        )
        shown = catalog.rows_of([items[0], items[2]])
        assert sorted(log.refused().item.tolist()) == sorted(shown.tolist())


class TestTheMemory:
    @staticmethod
    def answer(user_id: str | None, items: Sequence[str]) -> AnsweredList:
        body = {"user_id": user_id, "items": [{"item_id": item} for item in items]}
        return AnsweredList.of(body, user_id)

    def test_forgets_the_oldest_beyond_its_number(self) -> None:
        lists = ShownLists(most_lists=2)
        for name in ("a", "b", "a", "c"):
            lists.remember(name, [self.answer("u", ["tea", "pot"])])
        assert [self.seen(lists, name) for name in "abc"] == [["pot"], [], ["pot"]]
        assert lists._bytes == 0

    def test_forgets_the_oldest_beyond_its_bytes(self) -> None:
        lists = ShownLists(most_bytes=10_000)
        for name in "abc":
            lists.remember(name, [self.answer("u", ["tea", "x" * 4_000])])
        assert len(lists) == 2
        assert lists._bytes <= 10_000
        lists.remember("d", [self.answer("u", ["x" * 20_000])])
        assert len(lists) == 0
        assert lists._bytes == 0

    def test_keeps_no_lists_that_are_for_no_user_or_empty(self) -> None:
        lists = ShownLists()
        lists.remember("a", [self.answer(None, ["tea"]), self.answer("u", [])])
        assert len(lists) == 0

    def test_of_a_long_list_a_part_is_surely_seen(self) -> None:
        items = [f"i{n}" for n in range(100)]
        assert surely_seen(items, "i50") == [*items[31:50], "i51"]
        assert len(surely_seen(items, "i50")) == MOST_SEEN
        assert surely_seen(items, "i0") == ["i1"]
        assert surely_seen(items[:2], "i1") == ["i0"]

    @staticmethod
    def seen(lists: ShownLists, request_id: str) -> list[str]:
        with lists.used_by([UserEvent("u", "tea", AT, request_id=request_id)]) as seen:
            return seen.get(0, [])
