"""A structure outlives the updates that write its pool anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from index_toys import build, unit_rows

from longtail.index.ann_build import AnnSettings, with_ann
from longtail.index.storage.store import open_index, save_index
from longtail.index.updates import add_items, compact, reassign, remove_items
from longtail.index.vector_index import VectorIndex

N, DIM, TAIL = 3_000, 12, 1
EVERY_KIND = {
    "ivf": AnnSettings("ivf", exact_below=500, ks=(10,)),
    "hnsw": AnnSettings("hnsw", exact_below=500, ks=(10,)),
    "refined": AnnSettings("IVF16,PQ4x4fs,RFlat", ks=(10,)),
    "product codes": AnnSettings("PQ8x4fs", ks=(10,)),
    "float16 lists": AnnSettings("PCA8,IVF16,SQfp16", ks=(10,)),
}


def made(kind: str) -> VectorIndex:
    """Return an index with a large tail of clusters, with a structure, and a small head."""
    rng = np.random.default_rng(0)
    vectors = clusters(rng, N)
    segment_of = np.where(np.arange(N) < 10, 0, TAIL).astype(np.int8)
    popularity = rng.normal(-8, 2, N).astype(np.float32)
    index = build(vectors, popularity, segment_of)
    return with_ann(index, EVERY_KIND[kind], user_vectors=users())


def clusters(rng: np.random.Generator, n: int) -> np.ndarray:
    centres = unit_rows(np.random.default_rng(3), 60, DIM)
    return (centres[rng.integers(0, 60, n)] + 0.2 * unit_rows(rng, n, DIM)).astype(np.float32)


def users() -> np.ndarray:
    return unit_rows(np.random.default_rng(1), 100, DIM) * np.float32(20)


def recall(index: VectorIndex) -> float:
    """Return the share of the tail's exact answers, popularity counting, that it finds."""
    asked = {"popularity_weight": -0.1, "segments": ["tail"]}
    found = index.search(users(), 10, **asked).rows
    rows = np.flatnonzero((index.pool_codes() == TAIL) & ~index.removed)
    scores = index.score(users(), np.tile(rows, (100, 1)), popularity_weight=-0.1)
    true = rows[np.argsort(-scores, axis=1)[:, :10]]
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return float(np.mean([len(set(f) & set(t)) / 10 for f, t in pairs]))


@pytest.mark.parametrize("mapped", [False, True], ids=["in memory", "mapped"])
@pytest.mark.parametrize("kind", list(EVERY_KIND))
def test_after_reassign_and_compact_the_structure_finds_what_it_found(
    kind: str, mapped: bool, tmp_path: Path
) -> None:
    index = made(kind)
    if mapped:
        save_index(index, tmp_path / "index")
        index = open_index(tmp_path / "index", memory_map=True)
    before, rng = index.segments[TAIL].ann, np.random.default_rng(2)
    moved = reassign(index, rng.normal(-7, 2, N).astype(np.float32), index.pool_codes())
    more = clusters(rng, 300), rng.normal(-8, 2, 300).astype(np.float32)
    moved = add_items(moved, *more, np.full(300, TAIL, np.int8), [f"new {i}" for i in range(300)])
    moved = remove_items(moved, np.arange(20, N, 5))
    packed, _ = compact(moved)
    for after in (moved, packed):
        tail = next(s for s in after.segments if s.name == "tail")
        assert before is not None
        assert tail.ann is not None
        assert tail.ann.settings == before.settings
        assert tail.ann.tuned_on == "user vectors, before an update"
        assert int(tail.ann.index.ntotal) == len(tail)
        assert recall(after) >= recall(index) - 0.05, after
    assert int(before.index.ntotal) == N - 10  # the first index stays as it was


def test_without_refill_the_pool_is_exact() -> None:
    index = made("ivf")
    popularity = index.popularity(np.arange(N)) + np.float32(1)
    moved = reassign(index, popularity, index.pool_codes(), refill=False)
    packed, _ = compact(remove_items(index, np.array([40], np.int64)), refill=False)
    for after in (moved, packed):
        assert all(s.ann is None for s in after.segments)
        assert recall(after) == 1.0


def test_a_pool_that_lost_more_than_half_is_exact() -> None:
    packed, _ = compact(remove_items(made("ivf"), np.arange(20, 2_000)))
    assert all(segment.ann is None for segment in packed.segments)


def test_a_refilled_structure_is_stored_like_any_other(tmp_path: Path) -> None:
    packed, _ = compact(remove_items(made("ivf"), np.array([40], np.int64)))
    save_index(packed, tmp_path / "index")
    opened = open_index(tmp_path / "index")
    assert opened.search(users(), 10).rows.tolist() == packed.search(users(), 10).rows.tolist()
    structure = next(s.ann for s in opened.segments if s.ann is not None)
    assert structure.report()["tuned_on"] == "user vectors, before an update"
