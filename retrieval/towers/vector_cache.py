"""Vectors of texts on the disk, found again by what the text says."""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.files import write_file_atomically

logger = logging.getLogger("longtail.retrieval")

KEY_BYTES = 16
# Writing a chunk takes no second.
LEFT_AFTER_S = 3_600
# Chunks whose pages are kept at hand while vectors are read back.
CHUNKS_AT_HAND = 16


class VectorCache:
    """Chunks of vectors in a folder, float16, each vector beside the key of its text.

    A chunk is a NumPy file of records ``key`` (bytes) and ``vector``. Its name ends in the
    SHA-256 of its content, and it gets that name when it is whole on the disk: a file that is
    there is done, and one that was torn or altered is noticed, removed, and made again. Several
    processes may use one folder.

    A vector's number is its place among all that were found in the folder and added since; it
    holds for this object alone.

    Args:
        folder: made when the first chunk is written.
        identity: what read the texts; the vectors of other readers may lie in the same folder.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._prefix = f"vectors-{hashlib.sha256(identity.encode()).hexdigest()[:16]}-"
        # Sorted, with the number of each.
        self._keys = np.empty(0, f"S{KEY_BYTES}")
        self._numbers = np.empty(0, np.int32)
        self._chunks: list[Path] = []
        self._starts = [0]
        self._unwritten: list[NDArray[np.bytes_]] = []
        self._mapped = lru_cache(CHUNKS_AT_HAND)(_mapped_vectors)
        kept = [self._take_in(path) for path in sorted(folder.glob(f"{self._prefix}*.npy"))]
        there = np.concatenate([self._keys, *kept])
        self._numbers = np.argsort(there, kind="stable").astype(np.int32)
        self._keys = there[self._numbers]
        for path in folder.glob(".vectors-*.tmp"):
            _remove_if_left(path)

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self, contents: Iterable[bytes]) -> NDArray[np.bytes_]:
        """Return the key of each text, given its content as bytes, [n]."""
        digests = [hashlib.blake2b(c, digest_size=KEY_BYTES).digest() for c in contents]
        return np.array(digests, f"S{KEY_BYTES}")

    def find(self, keys: NDArray[np.bytes_]) -> NDArray[np.int32]:
        """Return the number of each key's vector, -1 where there is none, int32 [n]."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.int32)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._numbers[places], np.int32(-1))

    def reserve(self, keys: NDArray[np.bytes_]) -> None:
        """Number keys that aren't here yet, in this order; their vectors come with `write`."""
        self._enter(keys)
        self._unwritten.append(keys)

    def write(self, vectors: NDArray[np.float32]) -> None:
        """Write one chunk: the vectors of all keys reserved since the last, [m, dim].

        Raises:
            DiskFullError: the disk ran out.
        """
        keys = np.concatenate(self._unwritten)
        record = [("key", f"S{KEY_BYTES}"), ("vector", np.float16, (vectors.shape[1],))]
        records = np.empty(len(keys), record)
        records["key"], records["vector"] = keys, vectors
        stream = io.BytesIO()
        np.save(stream, records)
        content = stream.getbuffer()
        path = self._folder / f"{self._prefix}{_sum(content)}.npy"
        with write_file_atomically(path) as temporary:
            temporary.write_bytes(content)
        self._append(path, len(keys))
        self._unwritten.clear()

    def vectors(self, numbers: NDArray[np.int32]) -> NDArray[np.float16]:
        """Return written vectors by number, float16 [n, dim]."""
        chunk_of = np.searchsorted(self._starts, numbers, side="right") - 1
        parts = np.unique(chunk_of)
        first = self._mapped(self._chunks[int(parts[0])])
        out = np.empty((len(numbers), first.shape[1]), np.float16)
        for part in parts.tolist():
            here = chunk_of == part
            out[here] = self._mapped(self._chunks[part])[numbers[here] - self._starts[part]]
        return out

    def _take_in(self, path: Path) -> NDArray[np.bytes_]:
        """Return the keys of a chunk that was there; none of a damaged one, which goes."""
        content = path.read_bytes()
        if _sum(content) != path.stem.removeprefix(self._prefix):
            logger.warning("%s was damaged; its texts are read again", path)
            path.unlink(missing_ok=True)
            return self._keys
        keys: NDArray[np.bytes_] = np.load(io.BytesIO(content), allow_pickle=False)["key"]
        self._append(path, len(keys))
        return keys

    def _enter(self, keys: NDArray[np.bytes_]) -> None:
        order = np.argsort(keys, kind="stable")
        places = np.searchsorted(self._keys, keys[order]).tolist()
        numbers = len(self._keys) + order
        _insert(self._numbers, places, numbers.astype(np.int32))
        _insert(self._keys, places, keys[order])

    def _append(self, path: Path, size: int) -> None:
        self._chunks.append(path)
        self._starts.append(self._starts[-1] + size)


def _mapped_vectors(path: Path) -> NDArray[np.float16]:
    records = np.load(path, mmap_mode="r", allow_pickle=False)
    vectors: NDArray[np.float16] = records["vector"]
    return vectors


def _insert(array: NDArray[Any], places: list[int], values: NDArray[Any]) -> None:
    """Put each value before the entry at its place, ascending, as `np.insert`, but where they lie.

    A copy for every block of texts would take twice the memory, and leave holes behind.
    """
    end = len(array)
    array.resize(end + len(values), refcheck=False)
    for ahead in range(len(values), 0, -1):
        start = places[ahead - 1]
        array[start + ahead : end + ahead] = array[start:end]
        array[start + ahead - 1] = values[ahead - 1]
        end = start


def _remove_if_left(path: Path) -> None:
    """Remove what a killed process was writing; another may be writing this very moment."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > LEFT_AFTER_S:
            path.unlink()


def _sum(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
