"""Commands that change a run beside the service that has it: each gets its turn."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from changing_catalog import done, served_version
from command_line import longtail
from service_client import client_of, refused, served_process, serving

from longtail.jobs import evaluation_run
from longtail.retrieval.run.lease import changing
from longtail.retrieval.run.served_run import open_run
from longtail.serving.updates import catalog_writer

NEW = {"title": "saw large", "description": "steel saw"}


def test_a_waiting_command_passes_a_service_that_is_asked_for_changes_without_end(
    run_copy: Path,
) -> None:
    stop, put = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answer = client.put(f"/v1/items/saw-{len(put)}", json=NEW)
            assert answer.status_code == 200, answer.text
            put.append(answer.json()["versions"]["index"])

    with serving(run_copy) as (client, _):
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            done("index", "remove", run_copy, "--items", "tea-oolong-spare", "--wait", 600)
            done("index", "compact", run_copy, "--wait", 600)
        finally:
            stop.set()
            asking.join()
    assert put == sorted(put)
    catalog = open_run(run_copy).bundle.catalog
    assert (catalog.offered([f"saw-{i}" for i in range(len(put))]) >= 0).all()
    assert catalog.offered(["tea-oolong-spare"])[0] < 0
    assert int(served_version(run_copy)[1:]) == 1 + 2 + len(put)


def test_a_run_that_is_swapped_in_is_served_by_the_same_service_and_by_no_other(
    run_copy: Path, cli_run: Path
) -> None:
    event = {"user_id": "before", "item_id": "tea-oolong-small"}
    acknowledged = []
    with served_process(run_copy) as (url, process), client_of(url) as client:
        assert client.post("/v1/events", json={"events": [event]}).status_code == 202
        shutil.copytree(cli_run, run_copy.with_name("next"))
        run_copy.rename(run_copy.with_name("old"))
        run_copy.with_name("next").rename(run_copy)
        for number in range(100_000):
            event["user_id"] = f"after-{number}"
            if client.post("/v1/events", json={"events": [event]}).status_code == 202:
                acknowledged.append(event["user_id"])
            if len(acknowledged) > 3:
                break
        second = longtail("serve", run_copy, "--port", 0)
        assert f"is locked by process {process.pid} since 20" in second.complaint
        process.kill()
    out = run_copy.with_name("events.csv")
    done("data", "events", run_copy, "--out", out)
    kept = [line.split(",")[0] for line in out.read_text().splitlines()[1:]]
    assert kept == ["before", *acknowledged]


def test_an_evaluation_is_not_written_into_another_run(
    run_copy: Path, cli_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluation_run.evaluate

    def meanwhile(*given: Any, **named: Any) -> Any:
        run_copy.rename(run_copy.with_name("old"))
        shutil.copytree(cli_run, run_copy)
        return whole(*given, **named)

    monkeypatch.setattr(evaluation_run, "evaluate", meanwhile)
    complaint = longtail("evaluate", run_copy, "--baselines", "none", "-k", 5).complaint
    assert complaint.startswith(f"another folder has taken the place of {run_copy} meanwhile")
    assert not (run_copy / "metrics.json").exists()


def test_who_doesnt_wait_is_told_at_once(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_writer, "LONGEST_WAIT_S", 0.05)
    with serving(run_copy) as (client, _), changing(run_copy):
        refused(client.put("/v1/items/saw-0", json=NEW), 409, "index_locked")
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        with changing(run_copy):
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    for words in (
        ("index", "compact", run_copy),
        ("index", "build", run_copy),
        ("index", "rollback", run_copy),
        ("index", "remove", run_copy, "--items", "tea-oolong-spare", "--wait", 0.05),
    ):
        complaint = longtail(*words).complaint
        assert "is locked by process" in complaint
        assert complaint.endswith("or let it wait with --wait")
    release.set()
    holder.join()
    assert served_version(run_copy) == "v0001"
