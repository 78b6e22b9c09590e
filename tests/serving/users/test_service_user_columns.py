"""Users' columns over HTTP: stored, brought along, refused by name; and quoted nowhere."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_client import recommend, refused, serving
from starlette.testclient import TestClient

from longtail.retrieval.ranking.retriever import Retriever


@pytest.fixture(scope="module")
def client(users_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    run = shutil.copytree(users_run, tmp_path_factory.mktemp("served") / "run")
    with serving(run) as (client, _):
        yield client


def teams(answer: dict[str, Any]) -> set[str]:
    return {item["item_id"].split("-")[0] for item in answer["items"]}


def test_a_new_user_is_answered_by_columns(client: TestClient, users_run: Path) -> None:
    answer = recommend(client, user={"team": "tea"}, pool="all", k=5)
    frame = Retriever.open(users_run).recommend(
        user_columns={"me": {"team": "tea"}}, pool="all", k=5
    )
    assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()
    assert teams(answer) == {"tea"}
    assert answer["user_id"] is None
    # An id that nobody knows is somebody new.
    assert teams(recommend(client, user_id="who", user={"team": ["tools"]}, pool="all", k=5)) == {
        "tools"
    }


def test_a_user_of_the_file_alone_is_known_by_id(client: TestClient) -> None:
    assert teams(recommend(client, user_id="somebody-new", pool="all", k=5)) == {"paint"}
    refused(client.post("/v1/recommend", json={"user_id": "who"}), 404, "unknown_user")


def test_columns_in_a_batch_are_each_user_s_own(client: TestClient) -> None:
    asked = [{"user": {"team": team}, "pool": "all", "k": 5} for team in ("tea", "paint")]
    answers = client.post("/v1/recommend:batch", json={"requests": asked}).json()["answers"]
    assert [teams(answer) for answer in answers] == [{"tea"}, {"paint"}]


def test_an_unknown_column_is_refused_and_no_value_quoted(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = client.post("/v1/recommend", json={"user": {"salary": "hush"}})
    said = refused(response, 422, "bad_query")
    assert said == "user 'salary' is no user column of this run; there are team"
    recommend(client, user={"team": "hush"}, explain=True)
    assert "hush" not in caplog.text
    assert "hush" not in client.get("/metrics").text


@pytest.mark.parametrize("user", ["hush", ["hush"], {"team": {"hush": 1}}, {"": "hush"}])
def test_columns_that_are_none_are_refused(client: TestClient, user: Any) -> None:
    response = client.post("/v1/recommend", json={"user": user})
    assert response.status_code == 422
    assert response.json()["error"]["message"].startswith("user")


def test_a_text_has_no_columns(client: TestClient) -> None:
    response = client.post("/v1/recommend", json={"text": "tea", "user": {"team": "tea"}})
    assert "user goes with a user or a history" in refused(response, 422, "invalid_request")
