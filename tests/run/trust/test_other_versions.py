"""Runs that another longtail wrote: one line says so, and that they are to be trained again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import longtail
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from test_hostile_runs import edit, seal

from longtail.retrieval.run.bundle import read_manifest
from longtail.retrieval.run.checks.other_version import OtherVersionError
from longtail.retrieval.run.sealed_json import write_sealed_json
from longtail.retrieval.run.served_run import open_run

TOLD = (
    r"was written by longtail 0\.0\.9 in another form than this longtail \(\S+\) reads \(.*{}.*\); "
    r"train it again with `longtail train`$"
)
OLD = {"versions": {"longtail": "0.0.9"}}


def without_tensor(name: str, tensor: str) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        path = run / name
        with safe_open(path, "np") as file:
            about = file.metadata()
        tensors = load_file(path)
        del tensors[tensor]
        save_file(tensors, path, metadata=about)

    return write


def without(name: str, entry: str) -> Callable[[Path], None]:
    return lambda run: edit(run / name, lambda content: content.pop(entry))


def with_more(name: str) -> Callable[[Path], None]:
    return lambda run: edit(run / name, lambda content: content.update(dial=1))


ENTRIES = {
    "term": without_tensor("evidence/words_to_behaviour.safetensors", "term"),
    "known": without_tensor("evidence/known.safetensors", "known"),
    "indptr": without_tensor("evidence/next.safetensors", "indptr"),
    "behaviours": without("evidence/sources.json", "behaviours"),
    "names": without("relevance_head/config.json", "names"),
    "shape": without("user_tower/config.json", "shape"),
    "kind": without("user_tower/config.json", "kind"),
    "items": without("evidence/sequence_0/config.json", "items"),
    "dial": with_more("evidence/sequence_0/config.json"),
    "scorers": lambda run: edit(
        run / "relevance_head/config.json", lambda c: c.update(scorers=["of the future"])
    ),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_is_missing_or_unknown_names_who_wrote_it(entry: str, run_copy: Path) -> None:
    ENTRIES[entry](run_copy)
    seal(run_copy, **OLD)
    with pytest.raises(OtherVersionError, match=TOLD.format("")) as refused:
        open_run(run_copy)
    said = "of the future" if entry == "scorers" else entry
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "entry", ["item_tower", "bucket_rule", "split", "serving", "config", "summary"]
)
def test_a_manifest_without_an_entry(entry: str, run_copy: Path) -> None:
    path = run_copy / "manifest.json"
    content = json.loads(path.read_text())
    del content[entry]
    path.write_text(json.dumps(content))
    reseal(run_copy, content)
    for words in (("index", "info"), ("index", "verify"), ("evaluate",)):
        assert f"(no {entry!r})" in longtail(*words, run_copy).complaint


def reseal(run: Path, content: dict[str, Any]) -> None:
    """Seal a manifest that can't be read."""
    content.pop("sha256")
    write_sealed_json(run / "manifest.json", content)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("item_tower", ("index", "add", "--catalog")),
        ("data", ("index", "refresh", "--interactions")),
        ("data", ("learn", "--events")),
    ],
)
def test_settings_that_a_run_was_trained_without(
    group: str, words: tuple[str, ...], run_copy: Path, tmp_path: Path
) -> None:
    config = {**read_manifest(run_copy)["config"]}
    del config[group]
    seal(run_copy, config=config, **OLD)
    file = tmp_path / "file.csv"
    new = "item_id,title,description\nnew,a new tea,black\n" if group == "item_tower" else ""
    file.write_text(new or "user_id,item_id,timestamp\nu,tea-oolong-small,1750000000\n")
    rejected = ("--rejected", tmp_path / "rejected.csv")
    complaint = longtail(*words, file, *rejected, run_copy).complaint
    assert "was written by longtail 0.0.9" in complaint
    assert f"(its settings lack {group!r})" in complaint


def test_settings_that_a_run_was_trained_with_and_that_are_gone(run_copy: Path) -> None:
    config = {**read_manifest(run_copy)["config"]}
    config["index"] = {**config["index"], "dial": 1}
    seal(run_copy, config=config, **OLD)
    complaint = longtail("index", "build", run_copy).complaint
    assert "was written by longtail 0.0.9" in complaint
    assert "index.dial" in complaint
    seal(run_copy, config={**config, "dial": 1})
    events = run_copy.with_name("events.csv")
    events.write_text("user_id,item_id,timestamp\nu,tea-oolong-small,1750000000\n")
    complaint = longtail("learn", run_copy, "--events", events).complaint
    assert "train it again with `longtail train`" in complaint


def test_columns_of_evidence_that_this_longtail_does_not_make(run_copy: Path) -> None:
    def rename(content: Any) -> None:
        content["names"][0] = "of the future"

    edit(run_copy / "relevance_head/config.json", rename)
    seal(run_copy, **OLD)
    with pytest.raises(OtherVersionError, match=TOLD.format("of the future")):
        open_run(run_copy)
