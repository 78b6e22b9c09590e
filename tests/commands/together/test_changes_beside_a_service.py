"""Commands that change a run beside the service that has it: each gets its turn."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from changing_catalog import done, served_version
from command_line import longtail
from service_client import refused, serving

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
