"""Nothing holds an engine that was swapped out, or refused: memory is that of what answers."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from weakref import ref

import pytest
from command_line import longtail
from service_client import USER, recommend, serving

from longtail.retrieval.data.event_log import checkpoint
from longtail.retrieval.data.event_log.checkpoint import open_log
from longtail.retrieval.data.events import EVENTS, UserEvent
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.engine import model_registry


@pytest.fixture
def no_search_for_circles() -> Iterator[None]:
    """What only Python's search for circles would free counts as held: it seldom comes by."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def run(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose events lie in pages."""
    monkeypatch.setattr(checkpoint, "FULL_BYTES", 1)
    writer = open_log(run_copy / EVENTS).writer
    writer.append([UserEvent(USER, "tea-oolong-small", 1_700_000_000)])
    writer.close()
    return run_copy


def publish(run: Path, variant: str = "small") -> None:
    done = longtail("index", "remove", run, "--items", f"paint-gouache-{variant}")
    assert done.code == 0, done.err


@pytest.mark.usefixtures("no_search_for_circles")
def test_an_engine_that_was_swapped_out_goes(run: Path) -> None:
    with serving(run) as (client, service):
        assert service.histories.pages is not None
        # The catalog of the first version is that of training, which stays.
        publish(run)
        service.registry.refresh()
        recommend(client, user_id=USER, where=["title~tea"], k=1000)
        for read in ("users?search=fan", "items?search=tea", "catalog/columns", f"users/{USER}"):
            assert client.get(f"/v1/{read}").status_code == 200
        engine = service.registry.retriever
        parts = (engine, engine.ranking, engine.filters, engine.bundle.catalog, engine.served.index)
        left = [ref(part) for part in parts]
        del engine, parts
        publish(run, "large")
        service.registry.refresh()
        # The worker holds its last batch until the next.
        recommend(client, user_id=USER)
        assert [one() for one in left] == [None] * len(left)


@pytest.mark.usefixtures("no_search_for_circles")
def test_an_engine_that_was_refused_goes(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[ref[Retriever]] = []

    def refuse(retriever: Retriever) -> None:
        refused.append(ref(retriever))
        raise ValueError("no answers")

    with serving(run) as (client, service):
        monkeypatch.setattr(model_registry, "try_out", refuse)
        publish(run)
        service.registry.refresh()
        assert client.get("/readyz").json()["status"] == "degraded"
        assert [one() for one in refused] == [None]


def test_all_versions_are_opened_in_one_thread(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The allocator holds the memory of each thread that has opened one.
    threads: list[int] = []
    try_out = model_registry.try_out

    def noted(retriever: Retriever) -> None:
        threads.append(threading.get_ident())
        try_out(retriever)

    with serving(run) as (_, service):
        monkeypatch.setattr(model_registry, "try_out", noted)
        for variant in ("small", "large"):
            publish(run, variant)
            asking = threading.Thread(target=service.registry.refresh)
            asking.start()
            asking.join()
    assert len(threads) == 2
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
