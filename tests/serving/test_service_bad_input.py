"""Whatever a client sends, the answer is JSON with a code and a sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_client import USER, refused, serving
from starlette.testclient import TestClient

JSON = {"Content-Type": "application/json"}
BAD_FIELDS: list[tuple[str, Any]] = [
    ("user_id", 5),
    ("user_id", ""),
    ("user_id", "u" * 600),
    ("user_id", ["u"]),
    ("k", 0),
    ("k", -1),
    ("k", 1001),
    ("k", 10**30),
    ("k", "10"),
    ("k", 2.5),
    ("k", True),
    ("k", None),
    ("pool", "popular"),
    ("pool", 1),
    ("debias", -0.1),
    ("debias", 1.1),
    ("debias", "0.3"),
    ("mode", "best"),
    ("diversity", 2),
    ("diversity", None),
    ("where", "price<20"),
    ("where", [1]),
    ("where", [""]),
    ("where", ["price<1"] * 33),
    ("where", ["price<1 and " * 33 + "price<1"]),
    ("where", ["price<" + "1" * 600]),
    ("exclude", "tea"),
    ("exclude", [None]),
    ("exclude", ["tea"] * 1001),
    ("include_seen", "yes"),
    ("explain", 1),
    ("users", ["a"]),
    ("x" * 5000, 1),
]


@pytest.fixture(scope="module")
def client(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("served") / "run")
    with serving(run) as (client, _):
        yield client


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda part: str(part)[:20])
def test_a_bad_field_is_named_and_not_quoted(client: TestClient, field: str, value: Any) -> None:
    request = {"user_id": USER, field: value}
    said = refused(client.post("/v1/recommend", json=request), 422, "invalid_request")
    assert said.startswith(field[:40])
    batch = client.post("/v1/recommend:batch", json={"requests": [{"user_id": USER}, request]})
    assert refused(batch, 422, "invalid_request").startswith("requests.1.")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "give one of user_id, history and text"),
        ({"user_id": USER, "text": "tea"}, "give one of user_id, history and text"),
        ({"user_id": None}, "give one of user_id, history and text"),
        ({"text": " \n"}, "text is empty"),
        ({"text": "tea", "mode": "profile"}, "a text has no history"),
        ({"text": "t" * 2001}, "text: "),
        ({"history": ["tea-oolong-small"] * 10_000}, "history: list should have at most 1000"),
        ({"history": "tea"}, "history: "),
    ],
    ids=lambda part: str(part)[:30],
)
def test_a_request_needs_one_subject(
    client: TestClient, request_: dict[str, Any], said: str
) -> None:
    response = client.post("/v1/recommend", json=request_)
    assert said in refused(response, 422, "invalid_request")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client: TestClient, number: str) -> None:
    body = f'{{"user_id": "{USER}", "debias": {number}}}'
    response = client.post("/v1/recommend", content=body, headers=JSON)
    assert response.status_code in (400, 422), response.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"user_id": "\xff\xfe"}',
        b"\x00",
        b'{"user_id": "a"} trailing',
        b"[" * 100_000,
        b'{"k": ' + b"9" * 5_000 + b"}",
    ],
    ids=["empty", "open", "not UTF-8", "NUL", "trailing", "deep", "long number"],
)
def test_what_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    response = client.post("/v1/recommend", content=body, headers=JSON)
    assert response.status_code in (400, 422), response.text
    assert response.json()["error"]["code"] in ("invalid_json", "bad_request", "invalid_request")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5"])
def test_json_that_is_no_object_is_refused(client: TestClient, body: bytes) -> None:
    refused(client.post("/v1/recommend", content=body, headers=JSON), 422, "invalid_request")


def test_lone_surrogates_are_refused(client: TestClient) -> None:
    where = b'{"history": [], "where": ["title=\\ud800"]}'
    for body in (b'{"user_id": "\\ud800"}', b'{"text": "\\udfff"}', where):
        response = client.post("/v1/recommend", content=body, headers=JSON)
        refused(response, 422, "invalid_request")


def test_a_body_of_ten_megabytes_is_refused_whether_it_says_so_or_not(client: TestClient) -> None:
    large = json.dumps({"text": "t" * 10_000_000}).encode()
    refused(client.post("/v1/recommend", content=large, headers=JSON), 413, "body_too_large")
    parts = (large[start : start + 65_536] for start in range(0, len(large), 65_536))
    refused(client.post("/v1/recommend", content=parts, headers=JSON), 413, "body_too_large")


def test_unknown_users_and_items_are_told_apart(client: TestClient) -> None:
    post = "/v1/recommend"
    refused(client.post(post, json={"user_id": "nobody"}), 404, "unknown_user")
    refused(client.post(post, json={"history": ["tea-none"]}), 404, "unknown_item")
    refused(client.post(post, json={"user_id": USER, "exclude": ["x"]}), 404, "unknown_item")
    refused(client.get("/v1/items/nothing"), 404, "unknown_item")
    refused(client.get("/v1/items/%00%ff"), 404, "unknown_item")
    refused(client.delete("/v1/items/nothing"), 404, "unknown_item")
    event = {"events": [{"user_id": "u", "item_id": "nothing"}]}
    refused(client.post("/v1/events", json=event), 404, "unknown_item")


def test_filters_that_cannot_be_read_are_refused(client: TestClient) -> None:
    for clause in ("price", "colour=red", "title<3", "price<cheap", "in ()"):
        response = client.post("/v1/recommend", json={"user_id": USER, "where": [clause]})
        said = refused(response, 422, "bad_query")
        assert "--" not in said


def test_conditions_are_counted_in_a_request_and_in_a_batch(client: TestClient) -> None:
    most = ["price<99 and price<98"] * 16
    assert client.post("/v1/recommend", json={"user_id": USER, "where": most}).status_code == 200
    refused_one = client.post("/v1/recommend", json={"user_id": USER, "where": [*most, "price<9"]})
    said = refused(refused_one, 422, "invalid_request")
    assert said == "where: holds 33 conditions; a request may hold 32"
    batch = [{"user_id": USER, "k": 1, "where": most}] * 8
    assert client.post("/v1/recommend:batch", json={"requests": batch}).status_code == 200
    batch.append({"user_id": USER, "where": ["price<9"]})
    response = client.post("/v1/recommend:batch", json={"requests": batch})
    assert "holds 257 conditions in all; a batch may hold 256" in refused(
        response, 422, "invalid_request"
    )
    long = [{"user_id": USER, "where": [f"price<{n}" + " " * 480]} for n in range(100)]
    response = client.post("/v1/recommend:batch", json={"requests": long})
    assert "16,000 characters" in refused(response, 422, "invalid_request")


@pytest.mark.parametrize("k", ["0", "-3", "1001", "ten", "1.5", ""])
def test_query_parameters_are_checked(client: TestClient, k: str) -> None:
    response = client.get("/v1/similar/tea-oolong-small", params={"k": k})
    assert refused(response, 422, "invalid_request").startswith("k: ")


@pytest.mark.parametrize(
    "event",
    [
        {"user_id": USER},
        {"item_id": "tea-oolong-small"},
        {"user_id": "", "item_id": "tea-oolong-small"},
        {"user_id": USER, "item_id": "tea-oolong-small", "timestamp": -5},
        {"user_id": USER, "item_id": "tea-oolong-small", "timestamp": 17},
        {"user_id": USER, "item_id": "tea-oolong-small", "timestamp": "yesterday"},
        {"user_id": USER, "item_id": "tea-oolong-small", "timestamp": 9e11},
        {"user_id": USER, "item_id": "tea-oolong-small", "timestamp": "9999-12-31"},
        {"user_id": USER, "item_id": "tea-oolong-small", "timestamp": True},
        {"user_id": USER, "item_id": "tea-oolong-small", "price": 3},
    ],
    ids=lambda event: str(list(event.items())[-1]),
)
def test_bad_events_are_refused_and_none_of_their_batch_is_kept(
    client: TestClient, event: dict[str, Any]
) -> None:
    good = {"user_id": "stranger", "item_id": "tea-oolong-small"}
    response = client.post("/v1/events", json={"events": [good, event]})
    refused(response, 422, "invalid_request")
    refused(client.post("/v1/recommend", json={"user_id": "stranger"}), 404, "unknown_user")


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"colour": "red"},
        {"title": {"en": "Tea"}},
        {"title": [1, 2]},
        {"title": "t" * 20_001},
        {"title": "a\x00b"},
        {"price": "cheap"},
        {"price": 10**400},
        {"item_id": "another"},
        [],
        "tea",
    ],
    ids=lambda columns: str(columns)[:30],
)
def test_bad_items_are_refused(client: TestClient, columns: Any) -> None:
    response = client.put("/v1/items/tea-oolong-small", json=columns)
    assert response.status_code == 422, response.text
    assert response.json()["error"]["code"] in ("invalid_request", "bad_item")
    assert client.get("/v1/version").json()["versions"]["index"] == "v0001"


def test_unknown_addresses_and_methods_are_json(client: TestClient) -> None:
    refused(client.get("/v2/recommend"), 404, "not_found")
    refused(client.get("/v1/recommend"), 405, "method_not_allowed")
    refused(client.post("/healthz"), 405, "method_not_allowed")
    assert "POST" in client.get("/v1/recommend").headers["allow"]
