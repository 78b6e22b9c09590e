"""The explorer's reads over HTTP: what they answer, and what they refuse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_toys import evaluated
from service_client import USER, refused, serving
from starlette.testclient import TestClient

from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.explorer.evaluation_digest import NoEvaluationError, evaluation_digest


@pytest.fixture(scope="module")
def client(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("explored") / "run")
    with serving(Path(run)) as (found, _):
        yield found


def read(client: TestClient, path: str, **parameters: Any) -> dict[str, Any]:
    response = client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert set(body["versions"]) == {"index", "model"}
    return body


def test_users_are_found_by_part_of_their_id(client: TestClient) -> None:
    users = read(client, "/v1/users", search="LONG-fan-1", limit=3)["users"]
    assert [user["user_id"] for user in users] == ["oolong-fan-1", "oolong-fan-10", "oolong-fan-11"]


@pytest.mark.parametrize("kind", ["niche", "mainstream", "any"])
def test_without_a_search_users_are_drawn(client: TestClient, kind: str) -> None:
    users = read(client, "/v1/users", kind=kind, limit=4)["users"]
    assert len({user["user_id"] for user in users}) == 4


def test_a_history_is_the_engines_own(client: TestClient, retriever: Retriever) -> None:
    user = read(client, f"/v1/users/{USER}")
    rows = retriever.history(USER)
    ids = retriever.bundle.catalog.item_ids[rows].tolist()
    assert [card["item_id"] for card in user["history"]] == ids
    percentiles = [card["popularity_percentile"] for card in user["history"]]
    mean = sum(percentiles) / len(percentiles)
    assert user["popularity_percentile"] == pytest.approx(mean, abs=0.01)


def test_an_event_is_in_the_history_at_once(trained_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    with serving(run) as (client, _):
        before = read(client, f"/v1/users/{USER}")["history"]
        event = {"user_id": USER, "item_id": "tools-saw-gift"}
        assert client.post("/v1/events", json={"events": [event]}).status_code == 202
        after = read(client, f"/v1/users/{USER}")["history"]
    assert len(after) == len(before) + 1
    assert after[-1]["item_id"] == "tools-saw-gift"


def test_items_are_found_by_words_the_popular_first(client: TestClient) -> None:
    items = read(client, "/v1/items", search="gift saw")["items"]
    assert [item["item_id"] for item in items] == ["tools-saw-gift"]
    many = read(client, "/v1/items", search="tea", limit=100)["items"]
    counts = [item["popularity"] for item in many]
    assert counts == sorted(counts, reverse=True)


def test_a_search_in_a_bucket_stays_in_it(client: TestClient) -> None:
    items = read(client, "/v1/items", search="fine", bucket="cold", limit=100)["items"]
    assert {item["bucket"] for item in items} == {"cold"}


def test_items_by_id_come_in_the_order_asked_without_the_missing(client: TestClient) -> None:
    wanted = ["paint-ink-gift", "no such item", "tea-oolong-small"]
    items = read(client, "/v1/items", id=wanted)["items"]
    assert [item["item_id"] for item in items] == [wanted[0], wanted[2]]


def test_an_audience_counts_those_who_took_the_item(
    client: TestClient, retriever: Retriever
) -> None:
    log = retriever.bundle.log
    row = int(retriever.item_rows(["tea-oolong-small"])[0])
    found = read(client, "/v1/items/tea-oolong-small/audience", limit=5)
    assert found["users"] == len(set(log.user[log.item == row].tolist()))
    assert found["also_took"]
    assert all(2 <= other["users"] <= found["users"] for other in found["also_took"])
    assert "tea-oolong-small" not in {other["item_id"] for other in found["also_took"]}


def test_the_curve_holds_every_bucket_in_order(client: TestClient) -> None:
    curve = read(client, "/v1/catalog/curve", points=50)
    assert sum(curve["buckets"].values()) == curve["n_items"] == 60
    points = curve["points"]
    assert [p["rank"] for p in points] == sorted({p["rank"] for p in points})
    assert [p["count"] for p in points] == sorted((p["count"] for p in points), reverse=True)
    assert points[0]["rank"] == 1
    assert points[-1]["rank"] == 60
    assert {p["bucket"] for p in points} == {"head", "tail", "cold"}


def test_what_stands_at_a_point_of_the_curve_is_found_there(client: TestClient) -> None:
    for point in read(client, "/v1/catalog/curve", points=10)["points"]:
        items = read(client, "/v1/catalog/at", rank=point["rank"], limit=3)["items"]
        [there] = [item for item in items if item["rank"] == point["rank"]]
        assert (there["item_id"], there["popularity"]) == (point["item_id"], point["count"])


def test_columns_are_those_that_filters_take(client: TestClient) -> None:
    for column in read(client, "/v1/catalog/columns")["columns"]:
        request = {"user_id": USER, "where": [column["condition"]], "pool": "all"}
        assert client.post("/v1/recommend", json=request).status_code == 200, column


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users?kind=average",
        "/v1/users?limit=0",
        "/v1/users?limit=101",
        "/v1/users?limit=many",
        f"/v1/users?search={'x' * 201}",
        "/v1/items?bucket=lukewarm",
        "/v1/items?" + "&".join(["id=a"] * 201),
        "/v1/catalog/curve?points=1",
        "/v1/catalog/curve?points=1e9",
        "/v1/catalog/at",
        "/v1/catalog/at?rank=0",
        "/v1/catalog/at?rank=-1",
        "/v1/catalog/at?rank=NaN",
        f"/v1/catalog/at?rank={2**60}",
    ],
)
def test_parameters_that_make_no_sense_are_refused(client: TestClient, path: str) -> None:
    refused(client.get(path), 422, "invalid_request")


def test_a_rank_beyond_the_catalog_shows_its_end(client: TestClient) -> None:
    assert read(client, "/v1/catalog/at", rank=10**9, limit=2)["items"][-1]["rank"] == 60


def test_unknown_users_and_items_are_named_with_near_ones(client: TestClient) -> None:
    assert "oolong-fan-1" in refused(client.get("/v1/users/oolong-fan-1x"), 404, "unknown_user")
    response = client.get("/v1/items/tea-oolong-smal/audience")
    assert "tea-oolong-small" in refused(response, 404, "unknown_item")


def test_odd_ids_are_unknown_and_nothing_worse(client: TestClient) -> None:
    for odd in ("%00", "..%2F..%2Fetc%2Fpasswd", "a/b", "%F0%9F%92%A9", "'%20or%201=1"):
        refused(client.get(f"/v1/users/{odd}"), 404, "unknown_user")


class TestEvaluation:
    def test_the_table_has_the_subject_first_and_then_the_best(self, tmp_path: Path) -> None:
        digest = evaluation_digest(evaluated(tmp_path))
        names = [row["name"] for row in digest["rows"]]
        assert names == ["longtail (debias 0.3)", "longtail", "BPR", "EASE"]
        assert [row["own"] for row in digest["rows"]] == [True, True, False, False]

    def test_what_was_not_measured_is_null_and_what_was_tested_is_marked(
        self, tmp_path: Path
    ) -> None:
        ease = evaluation_digest(evaluated(tmp_path))["rows"][-1]
        assert ease["values"]["recall"] == 0.25
        assert ease["values"]["cold_recall"] is None
        assert ease["values"]["coverage"] is None
        assert ease["subject_is"] == {"tail_recall": "better"}

    def test_a_curve_goes_by_rising_debias(self, tmp_path: Path) -> None:
        own = evaluation_digest(evaluated(tmp_path))["trade_off"][0]
        assert own["family"] == "longtail"
        assert [(p["debias"], p["overall"], p["tail"]) for p in own["points"]] == [
            (0.0, 0.3, 0.1),
            (0.3, 0.2, 0.2),
        ]

    def test_without_claims_the_first_recommender_is_the_subject(self, tmp_path: Path) -> None:
        digest = evaluation_digest(evaluated(tmp_path, claims=None))
        assert (digest["subject"], digest["confidence"]) == ("longtail", None)

    @pytest.mark.parametrize("changes", [{"metrics": 3}, {"metrics": {}}, {"format": 2}])
    def test_what_cannot_be_read_is_said_with_the_remedy(
        self, tmp_path: Path, changes: dict[str, object]
    ) -> None:
        with pytest.raises(NoEvaluationError, match="longtail evaluate RUN"):
            evaluation_digest(evaluated(tmp_path, **changes))

    def test_half_a_file_is_no_evaluation(self, tmp_path: Path) -> None:
        (tmp_path / "metrics.json").write_text('{"format": 1, "prim', encoding="utf-8")
        with pytest.raises(NoEvaluationError, match="can't be read"):
            evaluation_digest(tmp_path)

    def test_the_service_says_how_to_make_one(self, client: TestClient) -> None:
        sentence = refused(client.get("/v1/evaluation"), 404, "no_evaluation")
        assert "longtail evaluate" in sentence
