"""A few queries find their lists by codes, and lose nothing by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from index_toys import CLUSTERED_DIM, clustered
from numpy.typing import NDArray

from longtail.index.ann.ann_index import AnnIndex, read_ann
from longtail.index.ann.quick_lists import QuickLists
from longtail.index.ann_build import AnnSettings, with_ann
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss
from longtail.index.updates import remove_items
from longtail.index.vector_index import VectorIndex

LISTS = 256
FACTORY = f"RR24,IVF{LISTS},PQ6x4fs"


@pytest.fixture(scope="module")
def tail(exact: VectorIndex, users: NDArray[np.float32]) -> VectorIndex:
    """An index of one filled segment, in whose structure a few lists are enough."""
    made = VectorIndex.build(
        exact.vectors(np.arange(exact.n_items)),
        exact.popularity(np.arange(exact.n_items)),
        np.ones(exact.n_items, np.int8),
        item_ids=[f"item {row}" for row in range(exact.n_items)],
        tower_fingerprint="tower-a",
    )
    settings = AnnSettings(FACTORY, target=0.7, ks=(10,))
    return with_ann(made, settings, user_vectors=users)


def structure_of(index: VectorIndex) -> AnnIndex:
    structure = index.segments[1].ann
    assert structure is not None
    return structure


def quick_of(index: VectorIndex) -> QuickLists:
    quick = QuickLists.of(structure_of(index).index)
    assert quick is not None
    return quick


def shared(some: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    pairs = zip(some.tolist(), others.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(set(b)) for a, b in pairs]))


@pytest.mark.parametrize("nprobe", [1, 3, 8])
def test_a_few_queries_get_the_candidates_that_faiss_gives_a_batch(
    tail: VectorIndex, users: NDArray[np.float32], nprobe: int
) -> None:
    structure = structure_of(tail)
    full = np.concatenate([users, np.zeros((len(users), 1), np.float32)], axis=1)
    asked = structure.space.queries(full)
    parameters = load_faiss().SearchParametersPreTransform(
        index_params=load_faiss().SearchParametersIVF(nprobe=nprobe)
    )
    _, expected = structure.index.search(asked, 20, params=parameters)
    parts = [quick_of(tail).search(asked[i : i + 5], 20, nprobe) for i in range(0, len(asked), 5)]
    assert shared(np.concatenate([part for part in parts if part is not None]), expected) > 0.98


def test_queries_alone_lose_no_recall_against_a_batch(
    exact: VectorIndex, tail: VectorIndex, users: NDArray[np.float32]
) -> None:
    true = exact.search(users, 10).rows
    batch = shared(tail.search(users, 10).rows, true)
    alone = shared(np.concatenate([tail.search(user[None], 10).rows for user in users]), true)
    assert 0.5 <= batch < 1.0
    assert alone == pytest.approx(batch, abs=0.005)


@pytest.mark.parametrize("weight", [0.0, -0.3, 0.05])
def test_few_queries_get_no_removed_item_and_the_scores_of_their_rows(
    tail: VectorIndex, users: NDArray[np.float32], weight: float
) -> None:
    without = remove_items(tail, np.arange(0, 4_000, 7))
    for index in (tail, without):
        for m in (1, 4, 11, 12):
            found = index.search(users[:m], 10, popularity_weight=weight)
            assert not index.removed[found.rows].any()
            again = index.score(users[:m], found.rows, popularity_weight=weight)
            assert (again == found.scores).all()


def test_a_query_alone_gets_what_it_gets_among_a_few(
    tail: VectorIndex, users: NDArray[np.float32]
) -> None:
    alone = [tail.search(user[None], 10).rows[0] for user in users[:11]]
    assert (np.stack(alone) == tail.search(users[:11], 10).rows).all()


def test_more_answers_than_the_lists_hold_are_given_all_the_same(
    tail: VectorIndex, users: NDArray[np.float32]
) -> None:
    found = tail.search(users[:1], 600)
    assert len(set(found.rows[0].tolist())) == 600
    assert found.rows.min() >= 0


def test_a_structure_in_a_mapped_file_takes_the_same_way(
    tail: VectorIndex, users: NDArray[np.float32], tmp_path: Path
) -> None:
    structure = structure_of(tail)
    structure.write(tmp_path / "s.faiss")
    again = read_ann(tmp_path / "s.faiss", structure.report(), mmap=True)
    full = np.concatenate([users[:3], np.zeros((3, 1), np.float32)], axis=1)
    setting = structure.setting_for(10, 0.0)
    assert (again.propose(full, setting) == structure.propose(full, setting)).all()


@pytest.mark.parametrize(
    "factory", ["HNSW8", "IVF16,Flat", "RR24,IVF16,PQ6x4fsr", "RR24,IVF16_HNSW8,PQ6x4fs"]
)
def test_other_kinds_of_index_have_no_quick_lists(factory: str) -> None:
    faiss = load_faiss()
    index = faiss.index_factory(24, factory, faiss.METRIC_INNER_PRODUCT)
    assert QuickLists.of(index) is None


def test_many_lists_are_left_to_faiss(tail: VectorIndex) -> None:
    assert quick_of(tail).search(np.ones((1, 24), np.float32), 10, LISTS // 4) is None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"queries": np.full((1, CLUSTERED_DIM), np.nan, np.float32)}, "query 0 holds NaN"),
        ({"queries": np.full((1, CLUSTERED_DIM), 3e38, np.float32)}, "overflow"),
        ({"queries": np.ones((1, 3), np.float32)}, r"queries must be float32 \[m, 16\]"),
        ({"queries": np.ones((1, CLUSTERED_DIM))}, r"queries must be float32 \[m, 16\]"),
        ({"popularity_weight": float("inf")}, "query 0 holds NaN"),
        ({"k": 0}, "k must be at least 1"),
        ({"segments": ["nowhere"]}, "no segment 'nowhere'"),
    ],
)
def test_few_queries_are_checked_as_many_are(
    tail: VectorIndex, asked: dict[str, object], message: str
) -> None:
    right = {"queries": np.ones((1, CLUSTERED_DIM), np.float32), "k": 5}
    with pytest.raises(VectorIndexError, match=message):
        tail.search(**(right | asked))  # type: ignore[arg-type]


def test_numbers_as_large_as_float32_allows_are_answered(tail: VectorIndex) -> None:
    query = clustered(np.random.default_rng(3), 1) * np.float32(1e37)
    found = tail.search(query, 5)
    assert (found.rows >= 0).all()
    assert np.isfinite(found.scores).all()
