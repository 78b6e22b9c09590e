"""Moving memory into huge pages changes where it lies for the processor, and nothing else."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from longtail.index.vectors import huge_pages, stored_vectors
from longtail.index.vectors.huge_pages import PAGE_BYTES, use_huge_pages
from longtail.index.vectors.stored_vectors import StoredVectors


def test_the_bytes_stay_where_they_are() -> None:
    memory = mmap.mmap(-1, 4 * PAGE_BYTES)
    content = np.frombuffer(memory, np.uint8)
    rng = np.random.default_rng(0)
    content[:] = rng.integers(0, 256, len(content), dtype=np.uint8)
    before, address = content.copy(), content.ctypes.data
    use_huge_pages(content)
    assert content.ctypes.data == address
    assert (content == before).all()


def test_less_than_a_page_is_left_alone() -> None:
    assert not use_huge_pages(np.zeros(PAGE_BYTES - 1, np.uint8))
    assert not use_huge_pages(np.zeros(0, np.uint8))


def test_elsewhere_than_on_linux_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huge_pages.sys, "platform", "darwin")
    assert not use_huge_pages(np.zeros(4 * PAGE_BYTES, np.uint8))


def test_only_vectors_in_memory_are_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[int] = []
    monkeypatch.setattr(
        stored_vectors, "use_huge_pages", lambda content: moved.append(content.nbytes)
    )
    from longtail.index.ann.faiss_files import read_faiss, write_faiss

    made = StoredVectors.of_vectors(np.ones((50, 9), np.float32))
    write_faiss(made.flat, tmp_path / "a.faiss")
    for mapped in (False, True):
        flat = read_faiss(tmp_path / "a.faiss", memory_map=mapped)
        StoredVectors.of_flat(flat, 8).gather_in_huge_pages()
    assert moved == [50 * 9 * 4]
