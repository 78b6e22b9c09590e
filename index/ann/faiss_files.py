"""FAISS indexes in files: written so that a full disk is told, read within limits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from longtail.index.faiss_runtime import load_faiss

# Parts within one index, such as the lists of an inverted file. FAISS itself sets no limit.
MOST_PARTS = 16_777_216
# What any file may ask for: the tables that FAISS makes of a small structure, in bytes, are
# longer than its file.
LEAST_LIMIT = 16 * 2**20

_limits = threading.Lock()


def write_faiss(flat: Any, path: Path) -> None:
    """Write a FAISS index that plain ``faiss.read_index`` opens.

    Raises:
        OSError: among others, the disk is full.
    """
    faiss = load_faiss()
    with path.open("wb") as file:
        # Through a Python file, a full disk is an OSError; FAISS's own writer hides why.
        faiss.write_index(flat, faiss.PyCallbackIOWriter(file.write))


def read_faiss(path: Path, *, memory_map: bool = False) -> Any:
    """Return the FAISS index in the file; its vectors stay in the file with ``memory_map``.

    A file that asks for more memory than it has bytes, and than `LEAST_LIMIT`, is refused before
    any is taken.

    Raises:
        RuntimeError: FAISS can't read it.
    """
    faiss = load_faiss()
    flags = faiss.IO_FLAG_MMAP_IFC if memory_map else 0
    with _reading_limits(path.stat().st_size):
        return faiss.read_index(str(path), flags)


@contextmanager
def _reading_limits(size: int) -> Iterator[None]:
    """Hold FAISS's limits, which belong to the whole process, to what the file can need."""
    faiss = load_faiss()
    with _limits:
        before = (
            faiss.get_deserialization_vector_byte_limit(),
            faiss.get_deserialization_loop_limit(),
        )
        faiss.set_deserialization_vector_byte_limit(max(size + 1, LEAST_LIMIT))
        faiss.set_deserialization_loop_limit(MOST_PARTS)
        try:
            yield
        finally:
            faiss.set_deserialization_vector_byte_limit(before[0])
            faiss.set_deserialization_loop_limit(before[1])
