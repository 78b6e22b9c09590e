"""Small indexes with known contents for the index tests, and the answer written in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex

NAMES = ("head", "tail", "cold")


def unit_rows(rng: np.random.Generator, n: int, dim: int) -> NDArray[np.float32]:
    """Return n random directions."""
    vectors = rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def whole_number_vectors(rng: np.random.Generator, n: int, dim: int) -> NDArray[np.float32]:
    """Return vectors of small whole numbers: their float32 scores are exact, and ties common."""
    vectors = rng.integers(-2, 3, (n, dim)).astype(np.float32)
    vectors[~vectors.any(axis=1), 0] = 1  # an index refuses items that are all zeros
    return vectors


def build(
    vectors: NDArray[np.float32],
    popularity: NDArray[np.float32] | None = None,
    segment_of: NDArray[np.int8] | None = None,
    fingerprint: str = "tower-a",
) -> VectorIndex:
    """Return an index of these vectors; rows take turns in the three segments by default."""
    n = len(vectors)
    return VectorIndex.build(
        vectors,
        np.zeros(n, np.float32) if popularity is None else popularity,
        (np.arange(n) % 3).astype(np.int8) if segment_of is None else segment_of,
        item_ids=[f"item {row}" for row in range(n)],
        tower_fingerprint=fingerprint,
    )


def compress(lists: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return lists of rows back to back, with their offsets."""
    lengths = [len(rows) for rows in lists]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return offsets, np.array([row for rows in lists for row in rows], np.int32)


def by_hand(
    scores: NDArray[np.float64], k: int, may_return: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the k best rows of every query: full sort, ties by row, padded with -1."""
    answers = np.full((len(scores), k), -1, np.int64)
    for query, line in enumerate(scores):
        rows = np.lexsort((np.arange(len(line)), -line))
        rows = rows[may_return[query, rows]][:k]
        answers[query, : len(rows)] = rows
    return answers


N_CLUSTERED, CLUSTERED_DIM = 4_000, 16


def clustered(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Return unit vectors around 40 directions, as the texts of a catalog lie."""
    dim = CLUSTERED_DIM
    vectors = unit_rows(rng, 40, dim)[rng.integers(0, 40, n)] + 0.5 * unit_rows(rng, n, dim)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered_index() -> VectorIndex:
    """Return an exact index of clustered vectors in three pools."""
    rng, n = np.random.default_rng(1), N_CLUSTERED
    popularity = rng.normal(-8, 2, n).astype(np.float32)
    segment_of = rng.choice(3, n, p=[0.2, 0.6, 0.2]).astype(np.int8)
    return build(clustered(rng, n), popularity, segment_of)


def clustered_users(index: VectorIndex) -> NDArray[np.float32]:
    """Return 200 users, each near a few items of a clustered index."""
    rng, n = np.random.default_rng(2), N_CLUSTERED
    taken = index.vectors(rng.integers(0, n, 3 * 200))
    vectors = taken.reshape(200, 3, CLUSTERED_DIM).sum(axis=1)
    vectors = vectors + index.vectors(rng.integers(0, n, 200)) * 2
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * 20).astype(np.float32)
