"""`longtail index build` takes the vectors of the index that is served, where they will do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from changing_catalog import FAN, asked, done, item, rejected, served_version

from longtail.index.files import sha256_of
from longtail.retrieval.run.served_run import open_run


def files(run: Path) -> dict[str, str]:
    """Return the sum of every file of the served version but the manifest, which has a date."""
    folder = run / "index" / served_version(run)
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"]
    return {str(path.relative_to(folder)): sha256_of(path) for path in paths}


def change(run: Path, write: Callable[..., Path], tmp_path: Path) -> None:
    aside = rejected(tmp_path)
    done("index", "add", run, "--catalog", write(item("n1", "saw"), item("n2", "ink")), *aside)
    done("index", "update", run, "--catalog", write(item("tea-sencha-fine", "brew")), *aside)
    done("index", "remove", run, "--items", "n2,paint-ink-small")


def test_the_files_are_those_that_reading_the_texts_gives(run: Path, read: list[int]) -> None:
    said = done("index", "build", run)
    assert ": 60 items, with the vectors of the index served before" in said
    assert read == []
    taken = files(run)
    said = done("index", "build", run, "--read-texts")
    assert said.endswith(": 60 items\n")
    assert sum(read) == 60
    assert files(run) == taken


def test_changes_of_the_catalog_are_in_it(
    run: Path, write: Callable[..., Path], tmp_path: Path, read: list[int]
) -> None:
    change(run, write, tmp_path)
    read.clear()
    done("index", "build", run)
    taken = open_run(run).index
    assert read == []
    done("index", "build", run, "--read-texts")
    again = open_run(run).index
    assert list(taken.item_ids) == list(again.item_ids)
    assert "n1" in list(taken.item_ids)
    assert not {"n2", "paint-ink-small"} & set(taken.item_ids)
    rows = np.arange(60)
    assert np.array_equal(taken.pool_codes(), again.pool_codes())
    assert np.array_equal(taken.popularity(rows), again.popularity(rows))
    # Texts that were read in another batch differ by what float16 leaves of a rounding.
    assert np.abs(taken.vectors(rows) - again.vectors(rows)).max() < 1e-3
    assert asked("query", run, "--user", FAN)


@pytest.mark.parametrize("words", [("--trained-catalog",), ("--storage", "float32")])
def test_texts_are_read_where_the_vectors_will_not_do(
    run: Path, write: Callable[..., Path], tmp_path: Path, read: list[int], words: tuple[str, ...]
) -> None:
    """For the catalog as trained, and where float16 is to become float32."""
    change(run, write, tmp_path)
    done("index", "build", run, "--storage", "float16")
    exact = open_run(run).index.storage
    assert exact == "float16"
    read.clear()
    said = done("index", "build", run, *words)
    assert "vectors of the index" not in said
    assert sum(read) == 60
    assert open_run(run).index.storage == "float32"


def test_float16_is_made_of_what_is_there(run: Path, read: list[int]) -> None:
    before = open_run(run).index.vectors(np.arange(60))
    for _ in range(2):
        done("index", "build", run, "--storage", "float16")
        found = open_run(run).index
        assert found.storage == "float16"
        assert np.array_equal(found.vectors(np.arange(60)), before.astype(np.float16))
    assert read == []


def test_a_damaged_index_is_read_anew(run: Path, read: list[int]) -> None:
    path = run / "index" / "v0001" / "tail.faiss"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "vectors of the index" not in done("index", "build", run)
    assert sum(read) == 60
    done("index", "verify", run)
