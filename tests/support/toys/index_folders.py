"""Published toy indexes for the tests of faults, readers and writers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from index_toys import build, unit_rows

from longtail.index import files
from longtail.index.storage.store import (
    open_index,
    save_index,
)
from longtail.index.storage.versions import Pointer, current_version, point_at
from longtail.index.stored_parts import StoredParts
from longtail.index.updates import add_items, remove_items
from longtail.index.vector_index import VectorIndex

DIM = 4


def grown(index: VectorIndex, n: int, seed: int = 1) -> VectorIndex:
    """Return the index with n more items."""
    ids = [f"item {index.n_items + number}" for number in range(n)]
    zeros = np.zeros(n, np.float32)
    vectors = unit_rows(np.random.default_rng(seed), n, index.dim)
    return add_items(index, vectors, zeros, (np.arange(n) % 3).astype(np.int8), ids)


def toy(n: int = 30) -> VectorIndex:
    return build(unit_rows(np.random.default_rng(0), n, DIM))


def answers(index: VectorIndex) -> tuple[list[list[int]], list[str]]:
    queries = unit_rows(np.random.default_rng(99), 6, DIM)
    return index.search(queries, 5).rows.tolist(), index.item_ids.tolist()


def updated(target: Path) -> Path:
    """Publish an index that was updated, with a file of every kind and an attached one."""
    save_index(toy(), target)
    index = remove_items(grown(open_index(target), 4), np.array([2, 5], np.int64))

    def attach(place: Path) -> None:
        (place / "notes.json").write_text("{}")

    save_index(index, target, attach=attach)
    return target


def version_files(folder: Path) -> list[Path]:
    place = folder / current_version(folder).version
    return sorted(path for path in place.rglob("*") if path.is_file())


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def save(index: VectorIndex, folder: Path, number: int) -> None:
    """Publish the index as a new one, whatever was published before."""

    def attach(place: Path) -> None:
        (place / "number").write_text(str(number))

    save_index(replace(index, stored_parts=StoredParts()), folder, attach=attach)


def number_of(place: Path) -> int:
    return int((place / "number").read_text())


def overwrite(path: Path, content: bytes) -> None:
    """Change the file in place, as a bad disk does: names that share it share the damage."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)


def vouched(folder: Path, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    point_at(folder, Pointer(path.parent.name, files.sha256_of(path)))
