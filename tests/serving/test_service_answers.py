"""What the service answers: the engine's own answers, and the versions that made them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_client import USER, recommend, refused, serving
from starlette.testclient import TestClient

from longtail.retrieval.ranking.retriever import Retriever

REQUESTS: list[dict[str, Any]] = [
    {"pool": "all", "k": 7},
    {"pool": "tail", "debias": 0.6, "mode": "per-user"},
    {"pool": "all", "debias": 0.4, "mode": "profile", "diversity": 0.3},
    {"pool": "all", "where": ["price<12", "gift=false"], "exclude": ["tea-oolong-small"]},
    {"pool": "all", "include_seen": True, "explain": True},
]


@pytest.fixture(scope="module")
def client(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("served") / "run")
    with serving(run) as (client, _):
        yield client


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_a_user_gets_what_the_retriever_answers(
    client: TestClient, retriever: Retriever, request_: dict[str, Any]
) -> None:
    answer = recommend(client, user_id=USER, **request_)
    frame = retriever.recommend(users=[USER], **request_)
    assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()
    assert [item["rank"] for item in answer["items"]] == list(range(1, len(frame) + 1))
    for name in ("score", "relevance", "popularity_percentile"):
        assert [i[name] for i in answer["items"]] == pytest.approx(frame[name].tolist(), rel=1e-5)
    assert [item["bucket"] for item in answer["items"]] == frame["bucket"].tolist()
    assert answer["note"] == frame.attrs["notes"].get(USER)
    if request_.get("explain"):
        assert [i["because"] for i in answer["items"]] == frame["because"].tolist()
        assert [i["base_rank"] for i in answer["items"]] == frame["base_rank"].tolist()
        assert [i["title"] for i in answer["items"]] == frame["title"].tolist()


def test_the_strength_that_validation_chose_is_named(
    client: TestClient, retriever: Retriever
) -> None:
    assert recommend(client, user_id=USER)["debias"] == retriever.bundle.serving.debias
    assert recommend(client, user_id=USER, debias=1)["debias"] == 1.0


def test_a_history_and_a_text_are_answered_like_by_the_retriever(
    client: TestClient, retriever: Retriever
) -> None:
    history = ["tea-oolong-small", "tea-oolong-gift"]
    answer = recommend(client, history=history, pool="all")
    frame = retriever.recommend(histories={"h": history}, pool="all")
    assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()
    answer = recommend(client, text="oolong leaves", pool="all", k=3)
    frame = retriever.recommend(texts={"t": "oolong leaves"}, pool="all", k=3)
    assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()
    assert {item["relevance"] for item in answer["items"]} == {None}


def test_an_empty_history_gets_popular_items_and_a_note(client: TestClient) -> None:
    answer = recommend(client, history=[], pool="all", k=2)
    assert answer["note"] == "no history: the most popular items of the pool"
    assert [item["score"] for item in answer["items"]] == [None, None]


def test_a_short_answer_says_why(client: TestClient) -> None:
    answer = recommend(client, user_id=USER, pool="cold", k=40)
    assert answer["note"].startswith(f"{len(answer['items'])} of 40 answers")


def test_a_batch_answers_each_like_alone_and_names_what_failed(client: TestClient) -> None:
    users = ["oolong-fan-1", "drill-fan-0", "ink-fan-2", "sencha-fan-3"]
    requests = [
        {"user_id": user, "k": 3 + place, "debias": place / 10, "pool": "all", "explain": place > 2}
        for place, user in enumerate(users)
    ]
    batch = [*requests, {"user_id": "nobody"}, {"text": "brush", "k": 2}]
    found = client.post("/v1/recommend:batch", json={"requests": batch}).json()
    for request, answer in zip(requests, found["answers"], strict=False):
        alone = recommend(client, **request)
        assert [i["item_id"] for i in answer["items"]] == [i["item_id"] for i in alone["items"]]
        assert answer["note"] == alone["note"]
    assert found["answers"][4]["error"]["code"] == "unknown_user"
    assert len(found["answers"][5]["items"]) == 2
    assert all(a["versions"] == found["versions"] for a in found["answers"] if "items" in a)


def test_similar_items_are_the_retrievers(client: TestClient, retriever: Retriever) -> None:
    found = client.get("/v1/similar/tea-oolong-small", params={"k": 4}).json()
    frame = retriever.similar("tea-oolong-small", k=4)
    assert [item["item_id"] for item in found["items"]] == frame["item_id"].tolist()
    cosines = [item["cosine"] for item in found["items"]]
    assert cosines == pytest.approx(frame["cosine"].tolist(), rel=1e-5)
    refused(client.get("/v1/similar/tea-cup"), 404, "unknown_item")


def test_an_item_shows_its_columns(client: TestClient, retriever: Retriever) -> None:
    item = client.get("/v1/items/tea-oolong-fine").json()["item"]
    assert item["title"] == "oolong fine"
    row = int(retriever.bundle.catalog.rows_of(["tea-oolong-fine"])[0])
    assert item["popularity"] == retriever.bundle.popularity.counts[row]
    assert item["attributes"]["price"] is None
    assert item["attributes"]["gift"] is False
    assert item["attributes"]["stock"] == 4


def test_every_answer_names_its_request_and_versions(
    client: TestClient, retriever: Retriever
) -> None:
    response = client.post(
        "/v1/recommend", json={"user_id": USER}, headers={"X-Request-Id": "order-7"}
    )
    assert response.headers["x-request-id"] == "order-7"
    model = retriever.bundle.item_tower.fingerprint()[:12]
    assert response.json()["versions"] == {"index": "v0001", "model": model}
    odd = client.get("/healthz", headers={"X-Request-Id": "a b\t" + "c" * 100})
    assert len(odd.headers["x-request-id"]) == 16


def test_operators_see_readiness_version_and_numbers(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"
    assert client.get("/v1/version").json()["items"] == 60
    recommend(client, user_id=USER)
    numbers = client.get("/metrics").text
    for name in (
        'longtail_requests_total{route="/v1/recommend",status="200"}',
        'longtail_stage_seconds_total{stage="tower"}',
        'longtail_stage_seconds_total{stage="score"}',
        "longtail_batch_size_count",
        "longtail_resident_bytes",
        'longtail_version_info{index="v0001"',
    ):
        value = next(line for line in numbers.splitlines() if line.startswith(name)).split()[-1]
        assert float(value) > 0, name


def test_the_reference_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "POST /v1/recommend:batch" in page.text
    assert "list of string, at most 1000" in page.text
    assert "<script" not in page.text
    assert "http" not in page.text.replace("http-equiv", "")


def test_the_document_has_examples_that_are_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    examples = document["components"]["schemas"]["RecommendRequest"]["examples"]
    assert {"user_id", "history", "text"} == {key for e in examples for key in e} & {
        "user_id",
        "history",
        "text",
    }
    assert set(document["paths"]["/v1/recommend"]["post"]["responses"]) >= {"200", "422", "429"}
