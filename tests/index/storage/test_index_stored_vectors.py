"""Vectors are stored in float32 or float16, read by plain FAISS, and searched by several routes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from index_toys import compress, unit_rows
from numpy.typing import NDArray

from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss
from longtail.index.search.exclusions import Exclusions
from longtail.index.search.segment import Segment
from longtail.index.vector_index import VectorIndex
from longtail.index.vectors.flat_search import merge_nearest, nearest_flat, nearest_in_parts
from longtail.index.vectors.scoring import best_first
from longtail.index.vectors.stored_vectors import StoredVectors

N, DIM = 4_000, 16


def overlap(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs]))


def test_float16_answers_are_exact_over_what_is_stored() -> None:
    rng = np.random.default_rng(5)
    stored = np.concatenate([unit_rows(rng, 3_000, DIM), rng.normal(-9, 3, (3_000, 1))], axis=1)
    stored = stored.astype(np.float32)
    half = StoredVectors.of_vectors(stored, "float16")
    back = half.read(np.arange(3_000))
    assert (back[:, :-1] == stored[:, :-1].astype(np.float16).astype(np.float32)).all()
    assert (back[:, -1] == stored[:, -1]).all()  # the popularity keeps every bit
    assert half.content.nbytes == 3_000 * 2 * 32
    whole = Segment.of_vectors("a", np.arange(3_000), back)
    small = Segment.of_vectors("a", np.arange(3_000), stored, storage="float16")
    queries = np.concatenate([unit_rows(rng, 40, DIM), rng.normal(0, 1, (40, 1))], axis=1)
    queries = queries.astype(np.float32)
    for m in (1, 40):
        expected = whole.best(queries[:m], 10, Exclusions.nothing(m, 3_000))
        found = small.best(queries[:m], 10, Exclusions.nothing(m, 3_000))
        assert (found[0] == expected[0]).all()
        assert (found[1] == expected[1]).all()


@pytest.mark.parametrize("block_bytes", [64 * 2**20, 100 * 2 * 32])
def test_few_filtered_queries_over_float16_get_exact_answers(
    monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr("longtail.index.vectors.stored_vectors.BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(7)
    stored = np.concatenate([unit_rows(rng, 2_000, DIM), rng.normal(-9, 3, (2_000, 1))], axis=1)
    half = StoredVectors.of_vectors(stored.astype(np.float32), "float16")
    queries = np.concatenate([unit_rows(rng, 7, DIM), rng.normal(0, 1, (7, 1))], axis=1)
    queries = queries.astype(np.float32)
    allowed = np.flatnonzero(rng.random(2_000) < 0.3)
    segment = Segment("a", np.arange(2_000), half, "a", allowed=allowed)
    rows, scores = segment.best(queries, 10, Exclusions.nothing(7, 2_000))
    for query, line, best in zip(queries, rows, scores, strict=True):
        expected = best_first(allowed[None], half.scores_of_one(query, allowed)[None], 10)
        assert (line == expected[0]).all()
        assert (best == expected[1]).all()


def test_many_candidates_over_float16_are_read_in_blocks_and_score_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(9)
    stored = np.concatenate([unit_rows(rng, 3_000, DIM), rng.normal(-9, 3, (3_000, 1))], axis=1)
    half = StoredVectors.of_vectors(stored.astype(np.float32), "float16")
    queries = np.concatenate([unit_rows(rng, 41, DIM), rng.normal(0, 1, (41, 1))], axis=1)
    queries = queries.astype(np.float32)
    local = rng.integers(-1, 3_000, (41, 200))
    expected = half.scores(queries, local)
    exact = StoredVectors.of_vectors(half.read(np.arange(3_000))).scores(queries, local)
    assert (exact == expected).all()
    read: list[int] = []
    whole = StoredVectors.read

    def counted(self: StoredVectors, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        read.append(len(positions))
        return whole(self, positions)

    monkeypatch.setattr(StoredVectors, "read", counted)
    monkeypatch.setattr(
        "longtail.index.vectors.stored_vectors.BLOCK_BYTES", 1
    )  # 1,024 vectors at least
    assert (half.scores(queries, local) == expected).all()
    assert len(read) == 9
    assert max(read) <= 1_024


def test_vectors_of_many_rows_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    vectors = unit_rows(rng, 50, DIM).astype(np.float32)
    index = VectorIndex.build(
        vectors,
        np.zeros(50, np.float32),
        np.arange(50, dtype=np.int8) % 3,
        item_ids=[str(i) for i in range(50)],
        tower_fingerprint="x",
    )
    monkeypatch.setattr("longtail.index.vector_index.ROWS_AT_ONCE", 7)
    rows = rng.permutation(50)
    assert (index.vectors(rows) == vectors[rows]).all()
    assert index.vectors(rows[:0]).shape == (0, DIM)


def test_a_float16_index_answers_nearly_what_a_float32_one_does(
    users: NDArray[np.float32], exact: VectorIndex
) -> None:
    rows = np.arange(N)
    half = VectorIndex.build(
        exact.vectors(rows),
        exact.popularity(rows),
        np.zeros(N, np.int8),
        ("all",),
        item_ids=[f"item {row}" for row in rows],
        tower_fingerprint="tower-a",
        storage="float16",
    )
    seen = compress([[3, 5, 7]] * 20)
    allowed = np.random.default_rng(6).random(N) < 0.3
    for asked in ({}, {"excluded": seen}, {"allowed": allowed}, {"popularity_weight": -0.5}):
        found = half.search(users[:20], 10, **asked).rows
        assert overlap(found, exact.search(users[:20], 10, **asked).rows) > 0.97


def test_numbers_too_large_for_float16_are_refused() -> None:
    with pytest.raises(VectorIndexError, match="largest float16; store this index as float32"):
        StoredVectors.of_vectors(np.full((2, 3), 1e5, np.float32), "float16")


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_plain_faiss_opens_a_segment_and_a_mapped_one_reads_the_same(
    storage: str, tmp_path: Path
) -> None:
    faiss, rng = load_faiss(), np.random.default_rng(7)
    stored = np.concatenate([unit_rows(rng, 500, 9), rng.normal(-9, 3, (500, 1))], axis=1)
    made = StoredVectors.of_vectors(stored.astype(np.float32), storage)  # type: ignore[arg-type]
    faiss.write_index(made.flat, str(tmp_path / "a.faiss"))
    mapped = faiss.read_index(str(tmp_path / "a.faiss"), faiss.IO_FLAG_MMAP_IFC)
    again = StoredVectors.of_flat(mapped, 9, longest=made.longest, largest_popularity=12.0)
    rows = np.array([3, 0, 499])
    assert (again.read(rows) == made.read(rows)).all()
    query = np.concatenate([unit_rows(rng, 20, 9), np.ones((20, 1))], axis=1).astype(np.float32)
    local = np.array([[4, -1, 77]] * 20)
    assert (again.scores(query, local) == made.scores(query, local)).all()
    for m in (1, 20):
        assert (again.nearest(query[:m], 5)[1] == made.nearest(query[:m], 5)[1]).all()


def test_a_file_of_something_else_is_refused() -> None:
    faiss = load_faiss()
    for other in (faiss.IndexFlatL2(10), faiss.IndexFlatIP(9), faiss.IndexPQ(8, 4, 8)):
        with pytest.raises(ValueError, match="no flat index of 10 dimensions"):
            StoredVectors.of_flat(other, 9)


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("parts", [2, 3, 7])
def test_reading_in_parts_gives_what_one_reading_gives(m: int, parts: int) -> None:
    faiss, rng = load_faiss(), np.random.default_rng(8)
    flat, queries = faiss.IndexFlatIP(20), unit_rows(rng, m, 20)
    flat.add(unit_rows(rng, 1_001, 20))
    scores, positions = nearest_in_parts(flat, queries, 30, parts)
    expected = nearest_flat(flat, queries, 30)
    assert (positions == expected[1]).all()
    assert np.allclose(scores, expected[0], atol=1e-6)


def test_answers_that_tie_are_in_order_of_row_whatever_their_sign() -> None:
    rows = np.array([[5, 1, 4, -1, 2, 9]])
    scores = np.array([[0.0, -0.0, -2.5, -np.inf, 3.0, -2.5]], np.float32)
    best_rows, best_scores = best_first(rows, scores, 5)
    assert best_rows.tolist() == [[2, 1, 5, 4, 9]]
    assert best_scores.tolist() == [[3.0, 0.0, 0.0, -2.5, -2.5]]


def test_merging_keeps_the_best_of_all_lists() -> None:
    rng = np.random.default_rng(9)
    lists = [
        (-np.sort(-rng.random((4, size))).astype(np.float32), rng.integers(0, 99, (4, size)))
        for size in (3, 9, 1)
    ]
    scores, _ = merge_nearest(lists, 5)
    together = np.concatenate([part for part, _ in lists], axis=1)
    assert (scores == -np.sort(-together, axis=1)[:, :5]).all()
