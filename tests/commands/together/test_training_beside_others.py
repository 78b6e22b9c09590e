"""`longtail train` beside other commands on the same run folder: each is told, nothing is lost."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from changing_catalog import done
from command_line import longtail, started_longtail, train_arguments
from processes import line_of
from service_client import client_of, served_process

from longtail.retrieval.run.bundle import read_manifest, work_folder
from longtail.retrieval.run.lease import serving
from longtail.retrieval.run.sealed_json import SEAL
from longtail.training import train as training_module

NO_EPOCHS = ("history.epochs=0", "encoder.epochs=0")
# It is held up before it publishes, until somebody says that it may.
HELD_UP = (
    "import longtail.training.train as training\n"
    "whole = training.write_bundle\n"
    "def held_up(*given):\n"
    "    print('trained', flush=True)\n"
    "    input()\n"
    "    whole(*given)\n"
    "training.write_bundle = held_up\n"
)
ITEM = "tea-oolong-small"


@pytest.fixture
def words(shop_files: Path, tiny_bert: Path) -> list[object]:
    """The shortest training there is."""
    return ["train", shop_files, *train_arguments(tiny_bert, *NO_EPOCHS)]


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """What keeps a service that is started in the middle of a training."""
    with ExitStack() as stack:
        yield stack


def test_a_second_training_is_told_of_the_first_or_waits_until_it_has_ended(
    words: list[object], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with started_longtail(*words, "--out", run, first=HELD_UP) as first:
        assert line_of(first) == "trained"
        told = rf"{run} is being trained by process {first.pid} since 20\d\d-\S+; wait until"
        for options in ([], ["--overwrite"], ["--resume"], ["--wait", 0.1]):
            assert re.match(told, longtail(*words, "--out", run, *options).complaint)
        # Its work is as it was.
        assert (work_folder(run) / "job.json").is_file()
        (tmp_path / ".run.0badcafe.tmp").mkdir()
        threading.Timer(0.3, first.kill).start()
        done(*words, "--out", run, "--resume", "--wait", 600)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_link_is_followed_to_the_folder_that_is_replaced(
    words: list[object], run: Path, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "to a run").symlink_to(run)
    (links / "to nothing yet").symlink_to("../new run")
    seal = read_manifest(run)[SEAL]
    with serving(run):
        told = longtail(*words, "--out", links / "to a run", "--overwrite").complaint
    assert "which serves it; stop it" in told
    done(*words, "--out", links / "to a run", "--overwrite")
    done(*words, "--out", links / "to nothing yet")
    assert read_manifest(run)[SEAL] != seal
    assert not run.is_symlink()
    assert read_manifest(tmp_path / "new run")
    assert all(link.is_symlink() for link in links.iterdir())
    assert {path.name for path in tmp_path.iterdir()} >= {"run", "new run", "links"}
    assert not [path for path in (*tmp_path.iterdir(), *links.iterdir()) if path.name[0] == "."]


@pytest.mark.parametrize("kind", ["a link to itself", "a FIFO"])
def test_what_no_run_can_be_is_refused_before_any_work(
    words: list[object], tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    if kind == "a FIFO":
        os.mkfifo(out)
    else:
        out.symlink_to(out)
    told = longtail(*words, "--out", out, "--overwrite").complaint
    assert told.startswith(str(out))
    assert told.endswith("name a folder with --out")


def test_a_run_that_is_served_is_refused_before_any_work(words: list[object], run: Path) -> None:
    with serving(run):
        told = longtail(*words, "--out", run, "--overwrite").complaint
    assert re.match(rf"{run} is locked by process \d+ since 20\S+, which serves it; stop it", told)
    assert not work_folder(run).exists()


def test_a_served_run_is_not_replaced_and_keeps_its_events(
    words: list[object],
    run: Path,
    tmp_path: Path,
    clients: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seal = read_manifest(run)[SEAL]
    whole = training_module.write_bundle
    urls, told = [], []

    def meanwhile(*given: object) -> None:
        """A service comes while the training runs, and takes an event."""
        url, process = clients.enter_context(served_process(run))
        urls.append(url)
        told.append(rf"{run} is locked by process {process.pid} since 20\S+, which serves it; stop")
        with client_of(url) as client:
            event = {"user_id": "newcomer", "item_id": ITEM}
            assert client.post("/v1/events", json={"events": [event]}).status_code == 202
        whole(*given)

    monkeypatch.setattr(training_module, "write_bundle", meanwhile)
    complaint = longtail(*words, "--out", run, "--overwrite").complaint
    assert re.match(told[0], complaint)
    assert "what was trained is kept: the same command publishes it with --resume" in complaint
    monkeypatch.undo()
    again = (*words, "--out", run, "--overwrite", "--resume")
    # At its start, too, once events are no reason.
    assert "holds events that its service has taken" in longtail(*again).complaint
    with client_of(urls[0]) as client:
        body = {"user_id": "newcomer", "k": 1, "pool": "all"}
        assert client.post("/v1/recommend", json=body).status_code == 200
        assert client.get("/readyz").json()["status"] == "ready"
    clients.close()
    done("data", "events", run, "--out", tmp_path / "events.csv")
    assert "newcomer" in (tmp_path / "events.csv").read_text()
    assert read_manifest(run)[SEAL] == seal
    shutil.rmtree(run / "events")
    done(*again)
    assert read_manifest(run)[SEAL] != seal
