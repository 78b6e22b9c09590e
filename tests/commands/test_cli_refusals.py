"""Requests and folders that a command refuses, each in one line that says what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import longtail, train_arguments


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (
            ["query", "--user", "saw-fan-l"],
            ["no user 'saw-fan-l'", "near ones: saw-fan-", "--hist"],
        ),
        (["query", "--user", ""], ["no user ''"]),
        (["query", "--history", "tools-saw-smal"], ["no item", "near ones: tools-saw-small"]),
        (["query", "--user", "saw-fan-1", "--exclude", "zz"], ["no item 'zz'"]),
        (["query", "--user", "saw-fan-1", "--where", "brnd=x"], ["did you mean 'brand'"]),
        (["query", "--user", "saw-fan-1", "--where", "price"], ["is not COLUMN OPERATOR VALUE"]),
        (["query", "--user", "saw-fan-1", "--where", "price<cheap"], ["'cheap' is none"]),
        (["query", "--user", "saw-fan-1", "--where", "brand<3"], ["holds text"]),
        (["similar", "--item", "tools-saw-smal"], ["no item", "near ones: tools-saw-small"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_request_without_an_answer_is_one_line(
    cli_run: Path, arguments: list[str], messages: list[str]
) -> None:
    done = longtail(arguments[0], cli_run, *arguments[1:])
    for message in messages:
        assert message in done.complaint
    assert done.out == ""


@pytest.mark.parametrize(
    "command",
    [
        ["query", "RUN", "--user", "u"],
        ["similar", "RUN", "--item", "i"],
        ["recommend", "RUN", "--all", "--out", "recs.parquet"],
        ["evaluate", "RUN"],
        ["index", "info", "RUN"],
        ["index", "verify", "RUN"],
        ["index", "build", "RUN"],
    ],
    ids=lambda command: " ".join(command),
)
@pytest.mark.parametrize("run", ["none", "folder", "."])
def test_a_folder_that_is_no_run_is_refused_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], run: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    complaint = longtail(*[run if word == "RUN" else word for word in command]).complaint
    assert "is no run folder (it has no manifest.json)" in complaint
    assert "longtail train" in complaint
    assert [p.name for p in tmp_path.rglob("*")] == ["folder"]


def test_a_run_may_be_named_by_a_dot(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run_copy)
    for command in (["index", "build", "."], ["index", "verify", "."], ["index", "info", "."]):
        assert longtail(*command).code == 0
    assert longtail("query", ".", "--user", "saw-fan-1").code == 0


def flip_one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_an_index_altered_by_one_byte_is_refused_and_rebuilt(run_copy: Path) -> None:
    flip_one_byte(run_copy / "index" / "v0001" / "tail.faiss")
    for command in (
        ["query", run_copy, "--user", "saw-fan-1"],
        ["index", "verify", run_copy],
        ["evaluate", run_copy],
    ):
        complaint = longtail(*command).complaint
        assert "tail.faiss is not the file that was written" in complaint
        assert f"longtail index build {run_copy}" in complaint
    assert longtail("index", "build", run_copy).code == 0
    assert longtail("query", run_copy, "--user", "saw-fan-1").code == 0


@pytest.mark.parametrize("name", ["catalog.parquet", "histories.parquet", "manifest.json"])
def test_a_bundle_altered_by_one_byte_is_refused(run_copy: Path, name: str) -> None:
    flip_one_byte(run_copy / name)
    assert name in longtail("query", run_copy, "--user", "saw-fan-1").complaint
    assert name in longtail("index", "verify", run_copy).complaint


def test_a_bundle_of_a_newer_format_is_refused(run_copy: Path) -> None:
    path = run_copy / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format": manifest["format"] + 1}))
    complaint = longtail("query", run_copy, "--user", "saw-fan-1").complaint
    assert "upgrade longtail" in complaint
    assert "format 3" in complaint


def test_a_run_without_its_index_says_how_to_build_it(run_copy: Path) -> None:
    shutil.rmtree(run_copy / "index")
    complaint = longtail("query", run_copy, "--user", "saw-fan-1").complaint
    assert f"longtail index build {run_copy}" in complaint


def test_an_encoder_that_is_nowhere_names_the_places_tried(
    shop_files: Path, tmp_path: Path
) -> None:
    done = longtail(
        "train", shop_files, "--out", tmp_path / "run",
        "--set", "item_tower.encoder=nobody/no-such-model",
    )  # fmt: skip
    for part in ("folder", "hub cache", "HF_HUB_OFFLINE", "Offline:", "longtail[offline]"):
        assert part in done.complaint
    done = longtail(
        "train", shop_files, "--out", tmp_path / "run",
        "--set", f"item_tower.encoder={tmp_path / 'none'}",
    )  # fmt: skip
    assert "no config.json" in done.complaint
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_folder_without_weights_is_one_line(
    shop_files: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(tiny_bert, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"")
    settings = train_arguments(broken)
    done = longtail("train", shop_files, *settings, "--out", tmp_path / "run")
    assert "can't be read as a text encoder" in done.complaint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["histori.epochs=1"], "unknown setting histori; did you mean history?"),
        (["history.epoch=1"], "unknown setting history.epoch; did you mean history.epochs?"),
        (["history.epochs=many"], "setting history.epochs: "),
        (["data.bucket_rule=top:5"], "bucket rule 'top:5' is not one of"),
        (["data.template={nothing}"], "no column 'nothing'"),
        (["data.valid_share=0.6", "data.test_share=0.6"], "must leave something to train on"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_before_any_work(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, settings: list[str], message: str
) -> None:
    words = train_arguments(tiny_bert, "data.split=temporal", *settings)
    done = longtail("train", shop_files, *words, "--out", tmp_path / "run")
    assert message in done.complaint
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_there_is_replaced_only_when_asked(
    run_copy: Path, shop_files: Path, tiny_bert: Path
) -> None:
    before = (run_copy / "manifest.json").read_bytes()
    words = ["train", shop_files, *train_arguments(tiny_bert, "seed=5"), "--out", run_copy]
    complaint = longtail(*words).complaint
    assert "is there already" in complaint
    assert "--overwrite" in complaint
    assert (run_copy / "manifest.json").read_bytes() == before
    assert longtail(*words, "--overwrite").code == 0
    assert json.loads((run_copy / "manifest.json").read_text())["config"]["seed"] == 5
    assert [p.name for p in run_copy.parent.iterdir()] == [run_copy.name]


@pytest.mark.parametrize("options", [[], ["--overwrite"], ["--overwrite", "--resume"]], ids=str)
@pytest.mark.parametrize("out", ["photos", ".", "photos/..", "letter.txt"])
def test_what_is_no_run_is_never_replaced(
    shop_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/summer.jpg").write_text("dear")
    Path("letter.txt").write_text("dear")
    complaint = longtail("train", shop_files, "--out", out, *options).complaint
    assert "name a" in complaint
    assert "--out" in complaint
    found = sorted(p.name for p in tmp_path.rglob("*"))
    assert found == ["letter.txt", "photos", "summer.jpg"]


def test_an_empty_folder_may_become_a_run(
    shop_files: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    words = train_arguments(tiny_bert, "encoder.epochs=0")
    assert longtail("train", shop_files, *words, "--out", tmp_path / "run").code == 0


def test_an_output_below_a_file_is_one_line(
    cli_run: Path, shop_files: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "run"
    done = longtail("train", shop_files, *train_arguments(tiny_bert), "--out", out)
    assert str(tmp_path / "file") in done.complaint
    done = longtail("recommend", cli_run, "--all", "--out", out)
    assert str(tmp_path / "file") in done.complaint
    done = longtail("data", "synth", out)
    assert str(tmp_path / "file") in done.complaint
