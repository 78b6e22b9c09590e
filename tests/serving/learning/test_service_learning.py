"""A service whose run learns meanwhile: swapped in, and every acknowledged event counts once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from changing_catalog import done
from command_line import longtail
from service_client import USER, recommend, serving

from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.service import Service

TAKEN = ("tools-drill-small", "tools-drill-gift")


@pytest.fixture
def rejected(tmp_path: Path) -> tuple[str, Path]:
    return "--rejected", tmp_path / "rejected.csv"


def post(client: Any, *items: str, user: str = USER) -> None:
    now = int(time.time())
    events = [{"user_id": user, "item_id": item, "timestamp": now} for item in items]
    assert client.post("/v1/events", json={"events": events}).status_code == 202


def history(service: Service, user: str = USER) -> Counter[str]:
    """Return how often each item is in what the service knows of a user."""
    retriever = service.registry.retriever
    rows = service.history_of(retriever, user)
    assert rows is not None
    return Counter(retriever.bundle.catalog.item_ids[rows].tolist())


def learned(run: Path, rejected: tuple[str, Path]) -> None:
    done("learn", run, "--events", run / "events" / "events.jsonl", "--force", *rejected)


def test_learned_events_count_once_and_later_ones_still_do(
    run: Path, rejected: tuple[str, Path]
) -> None:
    with serving(run) as (client, service):
        post(client, *TAKEN)
        before = history(service)
        learned(run, rejected)
        post(client, "paint-gouache-large")
        service.registry.refresh()
        assert service.registry.retriever.versions["index"] == "v0002"
        assert service.registry.trouble is None
        assert history(service) == before + Counter(["paint-gouache-large"])
        logged = service.registry.retriever.history(USER)
        ids = service.registry.retriever.bundle.catalog.item_ids
        assert Counter(ids[logged].tolist()) == before
        answer = recommend(client, user_id=USER, pool="all", k=60)
        assert not {item["item_id"] for item in answer["items"]} & set(before)


def test_the_item_tower_is_not_read_again(run: Path, rejected: tuple[str, Path]) -> None:
    with serving(run) as (client, service):
        post(client, *TAKEN)
        tower = service.registry.retriever.bundle.item_tower
        learned(run, rejected)
        bundle = service.registry.refresh().bundle
        assert bundle.learned == "l0001"
        assert bundle.item_tower is tower
        models = bundle.evidence_models
        assert longtail("index", "remove", run, "--items", "paint-gouache-small").code == 0
        after = service.registry.refresh()
        assert after.bundle.evidence_models.item_weights.keys() == models.item_weights.keys()
        assert after.served.trained.learned == "l0001"


def test_a_rollback_gives_the_events_back(run: Path, rejected: tuple[str, Path]) -> None:
    with serving(run) as (client, service):
        post(client, *TAKEN)
        before = history(service)
        learned(run, rejected)
    # Started on what was learned, and taken back while it runs.
    with serving(run) as (_, service):
        assert history(service) == before
        done("index", "rollback", run)
        service.registry.refresh()
        assert service.registry.retriever.bundle.learned is None
        assert history(service) == before


def test_who_came_by_the_service_is_known_after_learning(
    run: Path, rejected: tuple[str, Path]
) -> None:
    with serving(run) as (client, service):
        post(client, *TAKEN, user="newcomer")
        learned(run, rejected)
        service.registry.refresh()
        assert history(service, "newcomer") == Counter(TAKEN)
    assert len(Retriever.open(run).history("newcomer")) == len(TAKEN)


def test_a_put_item_becomes_a_learned_one(run: Path, rejected: tuple[str, Path]) -> None:
    with serving(run) as (client, service):
        columns = {"title": "oolong large", "description": "tea leaves oolong"}
        assert client.put("/v1/items/tea-new", json=columns).status_code == 200
        post(client, "tea-new")
        learned(run, rejected)
        bundle = service.registry.refresh().bundle
        row = bundle.catalog.rows_of(["tea-new"])[0]
        assert bundle.popularity.counts[row] == 1
        changed = {"title": "oolong larger"}
        assert client.put("/v1/items/tea-new", json=changed).status_code == 200
        assert service.registry.retriever.bundle.learned == "l0001"
