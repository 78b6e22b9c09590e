"""Items that are put and look made to game the engine: told at once, kept out if asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from command_line import longtail
from service_client import PATIENT, USER, recommend, refused, serving
from starlette.testclient import TestClient

COPIED = "tea-oolong-small"
CAREFUL = replace(PATIENT, quarantine=True)


def put(client: TestClient | httpx2.Client, item_id: str, **columns: object) -> dict[str, Any]:
    response = client.put(f"/v1/items/{item_id}", json=columns)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def copy_of_a_popular_item(client: TestClient) -> dict[str, object]:
    item = client.get(f"/v1/items/{COPIED}").json()["item"]
    assert item["bucket"] == "head"
    columns = {key: value for key, value in item["attributes"].items() if value is not None}
    return {**columns, "title": item["title"], "brand": "Nobody"}


def everything(client: TestClient) -> set[str]:
    answer = recommend(client, user_id=USER, pool="all", k=80, include_seen=True)
    return {item["item_id"] for item in answer["items"]}


def test_a_copy_is_told_and_served_all_the_same(run_copy: Path) -> None:
    with serving(run_copy) as (client, _):
        answer = put(client, "n1", **copy_of_a_popular_item(client))
        (suspect,) = answer["suspects"]
        assert (suspect["reason"], suspect["like"]) == ("copy of a popular item", COPIED)
        assert not answer["quarantined"]
        assert "n1" in everything(client)
        metrics = client.get("/metrics").text
        assert 'longtail_suspects_total{reason="copy of a popular item"} 1.0' in metrics


def test_an_honest_item_is_suspected_of_nothing(run_copy: Path) -> None:
    with serving(run_copy, limits=CAREFUL) as (client, _):
        answer = put(client, "n1", title="gouache fine", description="paint canvas gouache")
        assert (answer["suspects"], answer["quarantined"]) == ([], False)
        assert "n1" in everything(client)


def test_a_quarantined_item_is_read_by_its_id_and_in_no_answer(run_copy: Path) -> None:
    with serving(run_copy, limits=CAREFUL) as (client, _):
        assert put(client, "n1", **copy_of_a_popular_item(client))["quarantined"]
        assert client.get("/v1/items/n1").json()["quarantined"]
        assert not client.get(f"/v1/items/{COPIED}").json()["quarantined"]
        assert "n1" not in everything(client)
        similar = client.get(f"/v1/similar/{COPIED}", params={"pool": "all", "k": 80}).json()
        assert "n1" not in {item["item_id"] for item in similar["items"]}
        # What somebody has of it speaks all the same.
        assert client.get("/v1/similar/n1").status_code == 200
        assert recommend(client, history=["n1"])["items"]


@pytest.mark.parametrize("title", ["<b></b>", "\u200b\u200d", "\u202eelbat"])
def test_a_text_that_no_reader_sees_is_kept_out(run_copy: Path, title: str) -> None:
    with serving(run_copy, limits=CAREFUL) as (client, _):
        assert put(client, "n1", title=title)["quarantined"]
        assert "n1" not in everything(client)


def test_a_change_of_other_columns_releases_nothing(run_copy: Path) -> None:
    with serving(run_copy, limits=CAREFUL) as (client, _):
        put(client, "n1", **copy_of_a_popular_item(client))
        answer = put(client, "n1", price=3.5)
        assert (answer["suspects"], answer["quarantined"]) == ([], True)


def test_what_is_released_beside_the_service_is_served(run_copy: Path) -> None:
    with serving(run_copy, limits=CAREFUL) as (client, service):
        put(client, "n1", **copy_of_a_popular_item(client))
        done = longtail("index", "release", run_copy, "--items", "n1")
        assert done.code == 0, done.err
        service.registry.refresh()
        assert "n1" in everything(client)


def test_a_quarantined_item_can_be_deleted(run_copy: Path) -> None:
    with serving(run_copy, limits=CAREFUL) as (client, _):
        put(client, "n1", **copy_of_a_popular_item(client))
        assert client.delete("/v1/items/n1").status_code == 200
        refused(client.get("/v1/items/n1"), 404, "unknown_item")
        refused(client.delete("/v1/items/n1"), 404, "unknown_item")
