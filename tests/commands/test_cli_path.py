"""The whole way: a made-up shop, training, index, evaluation, and what each command leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from command_line import longtail, train_arguments


def test_a_made_up_shop_goes_all_the_way(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert longtail("data", "synth", "shop", "--items", 150, "--users", 60).code == 0
    done = longtail("data", "validate", "shop", "--strict")
    assert (done.code, done.err) == (0, "")
    assert "150 items, 60 users" in done.out

    fast = train_arguments(tiny_bert, "encoder.epochs=0", "user_tower.layers=0")
    Path("settings.yaml").write_text("history:\n  epochs: 1\nselection:\n  max_users: 50\n")
    done = longtail("train", "shop", *fast, "--config", "settings.yaml", "--out", "run")
    assert done.code == 0, done.err
    assert "150 items" in done.out
    assert "longtail evaluate run" in done.out
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert manifest["config"]["selection"]["max_users"] == 50
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []

    # The command that the closing screen proposes is one that works.
    command = next(line.split() for line in done.out.splitlines() if "longtail query" in line)
    assert longtail(*command[1:]).code == 0


def test_a_history_read_as_text_trains_too(
    shop_files: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    settings = train_arguments(tiny_bert, "user_tower.kind=text", "user_tower.text_tokens=40")
    done = longtail("train", shop_files, *settings, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    done = longtail("query", tmp_path / "run", "--user", "saw-fan-1", "-k", 3, "--format", "jsonl")
    assert len(done.out.splitlines()) == 3


def test_the_closing_screen_says_what_was_made(cli_run: Path, shop_files: Path) -> None:
    assert not (cli_run.parent / f".{cli_run.name}.work").exists()
    done = longtail("index", "info", cli_run)
    assert done.code == 0
    assert re.search(r"items\s+│ 60\b", done.out)
    done = longtail("index", "verify", cli_run)
    assert "every file is as it was written; index v0001" in done.out


def test_a_new_index_is_published_beside_the_old_one(run_copy: Path) -> None:
    before = longtail("query", run_copy, "--user", "saw-fan-1", "--format", "json").out
    done = longtail("index", "build", run_copy)
    assert (done.code, done.err) == (0, "")
    assert "v0002: 60 items, with the vectors of the index served before" in done.out
    assert (run_copy / "index" / "CURRENT").read_text().startswith("v0002 ")
    assert longtail("query", run_copy, "--user", "saw-fan-1", "--format", "json").out == before


def test_evaluation_prints_a_table_and_writes_three_files(run_copy: Path) -> None:
    done = longtail("evaluate", run_copy, "-k", "3,10", "--pool", "all,cold", "--examples", 2)
    assert done.code == 0, done.err
    for name in ("longtail", "popularity", "random", "content kNN", "report.html"):
        assert name in done.out
    assert "[bold]" not in done.out
    metrics = json.loads((run_copy / "metrics.json").read_text())
    assert metrics["settings"]["k"] == [3, 10]
    assert len(pd.read_parquet(run_copy / "per_user.parquet")) > 0
    report = (run_copy / "report.html").read_text(encoding="utf-8")
    # A page that opens offline loads nothing; links and namespaces load nothing either.
    loads = re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?https?:""", report)
    assert loads == []
    assert longtail("index", "verify", run_copy).code == 0


def test_evaluation_without_rivals_and_twice_the_same_one(run_copy: Path) -> None:
    done = longtail("evaluate", run_copy, "--baselines", "none", "-k", 5, "--pool", "tail")
    assert done.code == 0, done.err
    assert "popularity" not in done.out
    done = longtail("evaluate", run_copy, "--baselines", "random, random", "-k", "5")
    assert done.code == 0, done.err


def test_doctor_says_what_the_machine_offers() -> None:
    done = longtail("doctor")
    assert done.code == 0, done.err
    for word in ("python", "torch", "SIMD", "processors", "FAISS"):
        assert word in done.out


def test_doctor_fails_when_the_encoder_is_nowhere() -> None:
    done = longtail("doctor", "--encoder", "nobody/no-such-model")
    assert "nobody/no-such-model" in done.complaint
    assert "python" in done.out
