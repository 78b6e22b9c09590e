"""Vectors of texts that outlive a run, and what is said of longer texts than the tower reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from changing_catalog import asked, done, item, rejected
from command_line import longtail, train_arguments

from longtail.retrieval.run.served_run import open_run

NOTE = "note: 1 of 1 texts are longer than the 24 tokens that the tower reads; the rest is cut off"


def test_a_text_that_any_run_has_read_isn_t_read_again(
    run: Path,
    write: Callable[..., Path],
    shop_files: Path,
    tiny_bert: Path,
    tmp_path: Path,
    read: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = ("--vector-cache", tmp_path / "kept")
    build = ("index", "build", run, "--read-texts")
    done(*build, *kept)
    assert read == [60]
    done(*build, *kept)
    assert read == [60]
    known = open_run(run).bundle.catalog.frame.set_index("item_id").loc["tools-saw-small"]
    for line in ({**known.to_dict(), "item_id": "n1"}, item("n2", "saw steel")):
        done("index", "add", run, "--catalog", write(line), *kept, *rejected(tmp_path))
    assert read == [60, 1], "the second has a text of its own"
    # Also by the environment, also of another run.
    monkeypatch.setenv("LONGTAIL_VECTOR_CACHE", str(tmp_path / "kept"))
    done("train", shop_files, *train_arguments(tiny_bert), "--out", tmp_path / "second")
    assert read == [60, 1]
    assert list((tmp_path / "kept").glob("vectors-*.npy")), "the folder outlives the work"
    monkeypatch.delenv("LONGTAIL_VECTOR_CACHE")
    done(*build)
    assert read == [60, 1, 61], "without the folder all is read, one text for two items"


def test_a_longer_text_is_reported(
    run: Path, write: Callable[..., Path], tmp_path: Path, shop_files: Path, tiny_bert: Path
) -> None:
    new = write(item("n1", "saw steel " * 20))
    for command in ("add", "update"):
        found = longtail("index", command, run, "--catalog", new, *rejected(tmp_path))
        assert found.code == 0, found.err
        told = found.err.splitlines()
        assert (NOTE in told) == (command == "add"), "what hasn't changed isn't read again"
        assert not any(line.startswith("note: 0") for line in told)
    assert "note" not in longtail("index", "remove", run, "--items", "n1").err


def test_training_counts_longer_texts_and_reads_them_whole_when_asked(
    shop_files: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    said, found = {}, {}
    for long_texts in ("cut", "average"):
        settings = train_arguments(
            tiny_bert, "item_tower.max_tokens=8", f"item_tower.long_texts={long_texts}"
        )
        out = tmp_path / long_texts
        said[long_texts] = done("train", shop_files, *settings, "--out", out)
        served = open_run(out)
        assert served.bundle.summary["texts"] == {"longer": 60, "max_tokens": 8}
        found[long_texts] = served.index.vectors(np.arange(60))
        assert asked("query", out, "--text", "saw")
    told = "60 of 60 texts are longer than the 8 tokens that the tower reads; "
    assert f"{told}the rest is cut off" in said["cut"]
    assert f"{told}they are read in pieces" in said["average"]
    assert np.abs(found["cut"] - found["average"]).max() > 1e-3
