"""A page of another site, open in a visitor's browser, neither writes nor asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_client import USER, refused, serving
from starlette.testclient import TestClient

EVENT = json.dumps({"events": [{"user_id": "browser-victim", "item_id": "tea-oolong-small"}]})
QUESTION = json.dumps({"user_id": USER})
JSON = {"Content-Type": "application/json"}
# The client's own host is "testserver".
FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver@evil.example"},
    {"Origin": "http://testserver:8080"},
    {"Origin": "file://testserver"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "unheard-of"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
]
OWN = [
    {},
    {"Origin": "http://testserver"},
    {"Origin": "https://testserver"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    # Behind a proxy that gives the request another host.
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://shop.example"},
]


@pytest.fixture(scope="module")
def client(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    from shutil import copytree

    with serving(copytree(trained_run, tmp_path_factory.mktemp("served") / "run")) as (client, _):
        yield client


def knows_the_victim(client: TestClient) -> bool:
    return client.post("/v1/recommend", json={"user_id": "browser-victim"}).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_pages_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    headers = {**JSON, **headers}
    for path, body in (("/v1/events", EVENT), ("/v1/recommend", QUESTION)):
        refused(client.post(path, content=body, headers=headers), 403, "other_site")
    refused(client.put("/v1/items/new", content=b"{}", headers=headers), 403, "other_site")
    refused(client.delete("/v1/items/tea-oolong-small", headers=headers), 403, "other_site")
    assert not knows_the_victim(client)


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_programs_and_the_own_page_are_answered(
    client: TestClient, headers: dict[str, str]
) -> None:
    response = client.post("/v1/recommend", content=QUESTION, headers={**JSON, **headers})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "text/plain; charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/jsonp",
        "text/plain, application/json",
    ],
)
def test_what_a_form_can_send_is_refused(client: TestClient, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    for path, body in (("/v1/events", EVENT), ("/v1/recommend", QUESTION)):
        refused(client.post(path, content=body.encode(), headers=headers), 415, "not_json")
    refused(client.put("/v1/items/new", content=b"{}", headers=headers), 415, "not_json")
    assert not knows_the_victim(client)


def test_json_may_say_its_encoding(client: TestClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    response = client.post("/v1/recommend", content=QUESTION, headers=headers)
    assert response.status_code == 200, response.text


def test_two_content_types_are_refused(client: TestClient) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    refused(client.post("/v1/recommend", content=QUESTION, headers=headers), 415, "not_json")


def test_a_link_from_elsewhere_opens_the_page_and_nothing_frames_it(client: TestClient) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for path in ("/", "/docs", "/v1/version"):
        headers = {**followed, "Sec-Fetch-Dest": "document"}
        assert client.get(path, headers=headers).status_code == 200
        for kind in ("iframe", "embed", "object"):
            headers = {**followed, "Sec-Fetch-Dest": kind}
            refused(client.get(path, headers=headers), 403, "other_site")
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    refused(client.get("/v1/similar/tea-oolong-small", headers=image), 403, "other_site")
