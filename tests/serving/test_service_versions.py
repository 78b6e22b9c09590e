"""New versions while the service answers: the good ones are swapped in, the bad ones are not."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import longtail
from processes import LONGEST_WAIT_S
from service_client import PATIENT, USER, client_of, recommend, refused, served_process, serving

from longtail.index.storage.lock import index_lock
from longtail.index.storage.versions import current_version
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.engine import model_registry

PROMPT = replace(PATIENT, poll_s=0.02)


def publish(run: Path, number: int = 1) -> str:
    """Publish a version with one item less, as another process does, and return its name."""
    done = longtail("index", "remove", run, "--items", f"paint-gouache-{VARIANTS[number - 1]}")
    assert done.code == 0, done.err
    return current_version(run / "index").version


VARIANTS = ("small", "large", "spare", "gift", "fine")


def wait_for(client: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return /readyz once it says what is wanted."""
    until = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < until:
        found: dict[str, Any] = client.get("/readyz").json()
        time.sleep(0.01)
        if wanted.items() <= found.items() or found["versions"] == wanted.get("versions"):
            return found
    raise AssertionError(found)


def flip_a_byte(run: Path, version: str) -> None:
    # The file that this version doesn't share with the one before.
    path = run / "index" / version / "attached" / "rows.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


class TestANewVersion:
    def test_is_served_without_being_asked(self, run_copy: Path) -> None:
        with serving(run_copy, limits=PROMPT) as (client, service):
            before = service.registry.retriever.versions
            version = publish(run_copy)
            wait_for(client, {"versions": {**before, "index": version}})
            refused(client.get("/v1/items/paint-gouache-small"), 404, "unknown_item")
            assert recommend(client, user_id=USER)["versions"]["index"] == version

    def test_answers_as_a_fresh_retriever_does(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, _):
            columns = {"title": "oolong large", "description": "tea leaves oolong", "price": 3}
            assert client.put("/v1/items/tea-new", json=columns).status_code == 200
            assert client.delete("/v1/items/tea-oolong-spare").status_code == 200
            answer = recommend(client, user_id=USER, pool="all", k=30)
        frame = Retriever.open(run_copy).recommend(users=[USER], pool="all", k=30)
        assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()
        scores = [item["score"] for item in answer["items"]]
        assert scores == pytest.approx(frame["score"].tolist(), rel=1e-5)

    def test_of_a_run_that_was_trained_anew_is_served_whole(
        self, run_copy: Path, cli_run: Path
    ) -> None:
        with serving(run_copy) as (client, service):
            for path in cli_run.iterdir():
                if path.name in ("index", "manifest.json"):
                    continue
                target = run_copy / path.name
                shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
                (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
            shutil.rmtree(run_copy / "index")
            shutil.copytree(cli_run / "index", run_copy / "index")
            shutil.copy(cli_run / "manifest.json", run_copy / "manifest.json")
            service.registry.refresh()
            answer = recommend(client, user_id=USER, pool="all")
        frame = Retriever.open(cli_run).recommend(users=[USER], pool="all")
        assert [item["item_id"] for item in answer["items"]] == frame["item_id"].tolist()

    def test_swapped_in_under_load_never_gives_a_mixed_answer(self, run_copy: Path) -> None:
        # Every version lacks one more item, so an answer shows which version made it.
        with serving(run_copy, limits=PROMPT) as (client, service):
            stop = threading.Event()
            seen: list[tuple[int, str, set[str]]] = []

            def ask() -> None:
                body = {
                    "requests": [
                        {"user_id": "pastel-fan-0", "pool": "all", "k": 60, "include_seen": True},
                        {"user_id": "gouache-fan-1", "pool": "all", "k": 60, "include_seen": True},
                    ]
                }
                while not stop.is_set():
                    response = client.post("/v1/recommend:batch", json=body)
                    found = response.json()
                    for answer in found["answers"]:
                        ids = {item["item_id"] for item in answer["items"]}
                        assert answer["versions"] == found["versions"]
                        seen.append((response.status_code, found["versions"]["index"], ids))

            askers = [threading.Thread(target=ask) for _ in range(3)]
            for asker in askers:
                asker.start()
            model = service.registry.retriever.versions["model"]
            for number in (1, 2, 3):
                version = publish(run_copy, number)
                wait_for(client, {"versions": {"index": version, "model": model}})
            stop.set()
            for asker in askers:
                asker.join()
        assert {status for status, _, _ in seen} == {200}
        assert {version for _, version, _ in seen} == {"v0001", "v0002", "v0003", "v0004"}
        for _, version, ids in seen:
            gone = {f"paint-gouache-{v}" for v in VARIANTS[: int(version[1:]) - 1]}
            there = {f"paint-gouache-{v}" for v in VARIANTS[:3]} - gone
            assert ids & {f"paint-gouache-{v}" for v in VARIANTS[:3]} == there


class TestABadVersion:
    def test_is_not_served_and_said_so_until_a_good_one_comes(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, service):
            flip_a_byte(run_copy, publish(run_copy))
            service.registry.refresh()
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert ready.json()["reason"] == "damaged_file"
            assert recommend(client, user_id=USER)["versions"]["index"] == "v0001"
            said = refused(client.delete("/v1/items/tea-oolong-small"), 503, "degraded")
            assert "can't be served" in said
            assert longtail("index", "rollback", run_copy).code == 0
            service.registry.refresh()
            assert client.get("/readyz").json()["status"] == "ready"
            numbers = client.get("/metrics").text
            assert 'longtail_swaps_total{result="refused"} 1.0' in numbers

    def test_is_tried_again_once_its_files_are_whole(self, run_copy: Path, tmp_path: Path) -> None:
        # As a copy into the folder comes: the manifest before what it lists.
        with serving(run_copy) as (client, service):
            version = publish(run_copy)
            whole = shutil.copytree(run_copy / "index" / version, tmp_path / "whole")
            flip_a_byte(run_copy, version)
            for _ in range(3):
                service.registry.refresh()
            assert client.get("/readyz").json()["status"] == "degraded"
            shutil.copytree(whole, run_copy / "index" / version, dirs_exist_ok=True)
            # Once they are at rest: they are as they were at the look before.
            service.registry.refresh()
            assert client.get("/readyz").json()["status"] == "degraded"
            service.registry.refresh()
            assert client.get("/readyz").json()["status"] == "ready"
            assert recommend(client, user_id=USER)["versions"]["index"] == version
            numbers = client.get("/metrics").text
            assert 'longtail_swaps_total{result="refused"} 1.0' in numbers

    def test_whose_name_cannot_be_read_is_not_served_and_said_so(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, service):
            pointer = run_copy / "index" / "CURRENT"
            aside = pointer.rename(run_copy / "aside")
            pointer.mkdir()
            service.registry.refresh()
            assert client.get("/readyz").json()["status"] == "degraded"
            pointer.rmdir()
            aside.rename(pointer)
            service.registry.refresh()
            assert client.get("/readyz").json()["status"] == "ready"

    def test_whose_canaries_fail_is_not_served(
        self, run_copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(run_copy) as (client, service):
            publish(run_copy)
            real = model_registry.try_out

            def spoilt(retriever: Retriever) -> None:
                retriever.ranking.__dict__["logits"] = lambda user_state, rows: np.full(
                    rows.shape, np.nan, np.float32
                )
                real(retriever)

            monkeypatch.setattr(model_registry, "try_out", spoilt)
            service.registry.refresh()
            assert client.get("/readyz").json()["reason"] == "damaged_file"
            assert recommend(client, user_id=USER)["versions"]["index"] == "v0001"

    def test_spoilt_during_service_leaves_a_process_answering(self, run_copy: Path) -> None:
        with served_process(run_copy) as (url, process), client_of(url) as client:
            flip_a_byte(run_copy, publish(run_copy))
            wait_for(client, {"status": "degraded"})
            assert recommend(client, user_id=USER)["versions"]["index"] == "v0001"
            process.terminate()
            assert process.stderr is not None
            log = process.stderr.read()
        assert '"event":"version refused"' in log
        assert process.returncode == 0


class TestItems:
    def test_a_new_item_is_found_by_the_next_request(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, _):
            columns = {"title": "sencha gift", "description": "tea leaves cup brew sencha sencha"}
            put = client.put("/v1/items/tea%2Fnew one", json=columns)
            assert put.json()["versions"]["index"] == "v0002"
            item = client.get("/v1/items/tea%2Fnew one").json()["item"]
            assert (item["title"], item["bucket"]) == ("sencha gift", "cold")
            answer = recommend(client, text="sencha gift leaves cup brew", pool="cold")
            assert answer["items"][0]["item_id"] == "tea/new one"

    def test_columns_that_are_not_given_stay(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, _):
            assert client.put("/v1/items/tea-oolong-small", json={"price": 1.5}).status_code == 200
            item = client.get("/v1/items/tea-oolong-small").json()["item"]
        assert item["attributes"]["price"] == 1.5
        assert item["title"] == "oolong small"

    def test_a_new_item_without_text_is_refused(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, _):
            refused(client.put("/v1/items/tea-new", json={"price": 1.5}), 422, "bad_item")

    def test_a_deleted_item_is_gone_and_can_come_back(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, _):
            assert client.delete("/v1/items/tea-oolong-small").status_code == 200
            refused(client.get("/v1/items/tea-oolong-small"), 404, "unknown_item")
            refused(client.delete("/v1/items/tea-oolong-small"), 404, "unknown_item")
            columns = {"title": "oolong small", "description": "tea oolong"}
            assert client.put("/v1/items/tea-oolong-small", json=columns).status_code == 200
            assert client.get("/v1/items/tea-oolong-small").status_code == 200

    def test_while_another_writes_the_answer_is_409(self, run_copy: Path) -> None:
        with serving(run_copy) as (client, _), index_lock(run_copy / "index"):
            said = refused(client.delete("/v1/items/tea-oolong-small"), 409, "index_locked")
        assert "is being changed by somebody else" in said
