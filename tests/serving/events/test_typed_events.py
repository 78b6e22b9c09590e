"""Events that say what happened: looks, rejections, returns, ratings, and what was only shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from service_client import USER, recommend, refused, serving
from starlette.testclient import TestClient

from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.service import Service
from longtail.serving.updates.live_clock import LiveClock
from longtail.serving.updates.user_histories import UserHistories

DRILL, SAW, TEA = "tools-drill-small", "tools-drill-gift", "tea-oolong-small"
AT = 1_700_000_000


def told(client: TestClient, *events: dict[str, Any]) -> httpx2.Response:
    return client.post("/v1/events", json={"events": list(events)})


def event(item_id: str, **more: Any) -> dict[str, Any]:
    return {"user_id": "new", "item_id": item_id, "timestamp": AT, **more}


@pytest.fixture
def running(run_copy: Path) -> Iterator[tuple[TestClient, Service]]:
    with serving(run_copy) as both:
        yield both


def test_a_taken_event_is_written_as_it_always_was() -> None:
    line = line_of(UserEvent("u1", "i1", AT))
    assert line == b'{"crc32":"841d69a3","user_id":"u1","item_id":"i1","timestamp":1700000000}\n'


def test_what_is_said_of_an_event_stays_in_the_file(
    running: tuple[TestClient, Service], run_copy: Path
) -> None:
    events = [
        event(DRILL, type="purchase"),
        event(SAW, type="View", request_id="list-7"),
        event(SAW, type="refund", weight=19.5),
        event(TEA, label=0),
        event(TEA, label=1),
        event(TEA, type="dropped"),
    ]
    assert told(running[0], *events).json() == {"accepted": 6}
    assert read_events(run_copy / "events") == [
        UserEvent("new", DRILL, AT, "taken", "purchase"),
        UserEvent("new", SAW, AT, "seen", "View", None, "list-7"),
        UserEvent("new", SAW, AT, "rejected", "refund", 19.5),
        UserEvent("new", TEA, AT, "shown"),
        UserEvent("new", TEA, AT),
        UserEvent("new", TEA, AT, "dropped", "dropped"),
    ]


def test_an_unknown_type_is_refused_with_the_known_ones_and_nothing_is_kept(
    running: tuple[TestClient, Service], run_copy: Path
) -> None:
    response = told(running[0], event(DRILL), event(SAW, type="frobnicate"))
    message = refused(response, 422, "invalid_request")
    assert message.startswith("events.1.type: nobody knows what 'frobnicate' means")
    for known in ("purchase", "view", "refund", "dislike", "taken, seen, rejected"):
        assert known in message
    assert read_events(run_copy / "events") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("label", 2),
        ("label", True),
        ("label", "1"),
        ("weight", "5"),
        ("weight", 1e300),
        ("type", ""),
        ("type", "x" * 101),
        ("type", 3),
        ("request_id", "a b"),
        ("kind", "view"),
    ],
)
def test_bad_values_are_refused_with_the_field(
    running: tuple[TestClient, Service], field: str, value: Any
) -> None:
    message = refused(told(running[0], event(DRILL, **{field: value})), 422, "invalid_request")
    assert field in message


def test_a_weight_that_is_no_number_is_refused(running: tuple[TestClient, Service]) -> None:
    body = json.dumps({"events": [event(DRILL, weight=float("nan"))]})
    headers = {"Content-Type": "application/json"}
    response = running[0].post("/v1/events", content=body, headers=headers)
    assert "weight" in refused(response, 422, "invalid_request")


def test_the_run_s_own_names_and_ratings_come_first(
    running: tuple[TestClient, Service], run_copy: Path
) -> None:
    client, service = running
    retriever = service.registry.retriever
    rating = {"taken": ">=4", "rejected": "<=2", "none": "<=0"}
    data = {**retriever.bundle.config["data"], "events": {"peek": "seen", "view": "taken"}}
    config = {**retriever.bundle.config, "data": {**data, "rating": rating}}
    served = replace(retriever.served, bundle=replace(retriever.bundle, config=config))
    service.registry.retriever = Retriever.of(served)
    stars = [event(TEA, weight=weight, user_id=f"{weight}") for weight in (5, 3, 1, 0)]
    told(client, event(DRILL, type="Peek"), event(DRILL, type="view"), *stars)
    meanings = [one.meaning for one in read_events(run_copy / "events")]
    assert meanings == ["seen", "taken", "taken", "had", "rejected", "taken"]
    assert "peek" in refused(told(client, event(TEA, type="huh")), 422, "invalid_request")


def test_what_a_stranger_rejects_is_no_answer_from_then_on(
    running: tuple[TestClient, Service],
) -> None:
    client = running[0]
    ask = {"user_id": "new", "pool": "all", "k": 80}
    assert told(client, event(DRILL), event(TEA, type="view")).status_code == 202
    items = ids(recommend(client, **ask))
    assert TEA in items
    told(client, event(items[0], type="dislike"))
    after = ids(recommend(client, **ask))
    assert items[0] not in after
    assert TEA in after
    assert items[0] in ids(recommend(client, **ask, include_rejected=True))


def test_what_is_sent_back_leaves_the_history_and_what_is_taken_again_comes_back(
    running: tuple[TestClient, Service],
) -> None:
    client, service = running
    retriever = service.registry.retriever

    def history() -> list[str]:
        rows = service.history_of(retriever, USER)
        assert rows is not None
        return [str(retriever.bundle.catalog.item_ids[row]) for row in rows]

    before, now = history(), {"user_id": USER}
    told(client, {**now, "item_id": before[-1], "type": "return"})
    assert history() == [item for item in before if item != before[-1]]
    answer = ids(recommend(client, user_id=USER, pool="all", k=80, explain=True))
    assert before[-1] not in answer
    told(client, {**now, "item_id": before[-1]})
    assert history()[-1] == before[-1]


def test_a_return_that_is_older_than_its_purchase_takes_nothing_back(retriever: Retriever) -> None:
    histories = UserHistories()
    histories.add([UserEvent("new", DRILL, AT), UserEvent("new", DRILL, AT - 9, "rejected")])
    assert rows_of(retriever, histories) == retriever.item_rows([DRILL]).tolist()


def test_of_one_second_s_opinions_the_last_one_counts(retriever: Retriever) -> None:
    histories = UserHistories()
    histories.add([UserEvent("new", DRILL, AT), UserEvent("new", DRILL, AT, "seen")])
    histories.add([UserEvent("new", DRILL, AT, "rejected")])
    assert rows_of(retriever, histories) == []
    assert len(histories) == 2


def test_events_of_every_meaning_are_what_a_log_says_of_them(retriever: Retriever) -> None:
    """The same past, whether the log holds the events or the service was told of them."""
    free = np.setdiff1d(np.arange(80), retriever.history(USER))[:6]
    items = [str(item) for item in retriever.bundle.catalog.item_ids[free]]
    meanings = ("taken", "seen", "rejected", "had", "dropped", "shown")
    events = [
        UserEvent(USER, item, AT + n, meaning)
        for n, (item, meaning) in enumerate(zip(items, meanings, strict=True))
    ]
    histories = UserHistories()
    histories.add(events)
    past = histories.past(retriever, USER)
    assert past is not None
    assert past.beside is not None
    rows = retriever.item_rows(items).tolist()
    own = retriever.history(USER).tolist()
    assert past.items.tolist() == [*own, rows[0]]
    assert past.attention.tolist() == [*own, *rows[:5]]
    assert past.beside.seen[0].tolist() == [rows[1], rows[3], rows[4]]
    assert past.beside.rejected[0].tolist() == [rows[2]]
    assert past.beside.had[0].tolist() == [rows[3]]
    # Once a log has them they count once.
    log = retriever.bundle.log
    user = retriever.position(USER)
    label = np.array([event.code for event in events], np.int8)
    more = replace(
        log,
        user=np.append(log.user, np.full(6, user, np.int32)),
        item=np.append(log.item, np.array(rows, np.int32)),
        time=np.append(log.time, AT + np.arange(6)),
        label=np.append(np.ones(len(log), np.int8), label),
        part=None,
    )
    order = np.lexsort((more.time, more.user))
    whole = replace(
        more,
        **{name: getattr(more, name)[order] for name in ("user", "item", "time", "label")},
    )
    learned = replace(retriever.bundle, log=whole)
    later = Retriever.of(replace(retriever.served, bundle=learned))
    again = histories.past(later, USER)
    assert again is not None
    assert again.items.tolist() == past.items.tolist()
    assert again.attention.tolist() == past.attention.tolist()
    logged = Histories.from_interactions(whole).past(int(user or 0))
    assert again.items.tolist() == logged.items.tolist()


def test_only_what_is_taken_moves_the_clock() -> None:
    clock = LiveClock()
    clock.add([UserEvent("u", DRILL, AT, "seen"), UserEvent("u", SAW, AT, "rejected")])
    assert clock._taken == {}


def test_the_longest_ids_and_several_meanings_of_one_moment_are_all_kept(
    running: tuple[TestClient, Service], run_copy: Path
) -> None:
    user = "é" * 512
    events = [event(TEA, user_id=user, type=name) for name in ("view", "purchase")]
    assert told(running[0], *events).status_code == 202
    found = read_events(run_copy / "events")
    assert [(one.user_id, one.meaning) for one in found] == [(user, "seen"), (user, "taken")]
    assert TEA not in ids(recommend(running[0], user_id=user, pool="all", k=80))


def test_answers_carry_the_id_of_their_request(running: tuple[TestClient, Service]) -> None:
    client = running[0]
    ask = {"json": {"user_id": USER}, "headers": {"X-Request-Id": "list-7"}}
    assert client.post("/v1/recommend", **ask).json()["request_id"] == "list-7"
    batch = client.post("/v1/recommend:batch", json={"requests": [{"user_id": USER}]})
    assert batch.json()["request_id"] == batch.headers["x-request-id"]
    similar = client.get(f"/v1/similar/{TEA}")
    assert similar.json()["request_id"] == similar.headers["x-request-id"]


def ids(answer: dict[str, Any]) -> list[str]:
    return [str(item["item_id"]) for item in answer["items"]]


def rows_of(retriever: Retriever, histories: UserHistories) -> list[int]:
    rows = histories.rows(retriever, "new")
    assert rows is not None
    return list(rows.tolist())
