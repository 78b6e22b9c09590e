"""Several questions at once get the answers that each of them gets alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_toys import by_hand, compress, unit_rows, whole_number_vectors

from longtail.index.ann import filter_plan
from longtail.index.ann_build import AnnSettings, with_ann
from longtail.index.errors import VectorIndexError
from longtail.index.search import batched_exact as shared_products
from longtail.index.search import merging as answers
from longtail.index.search.query import SearchQuery, SearchResult
from longtail.index.updates import add_items, remove_items
from longtail.index.vector_index import VectorIndex
from longtail.index.vectors import streaming_top_k as running_best

N, DIM = 2_400, 12


def made(
    storage: str, *, n: int = N, dim: int = DIM, updated: bool = False, seed: int = 0
) -> VectorIndex:
    """Return an index in three pools; ``updated`` has a removed tenth and a fourth segment."""
    rng = np.random.default_rng(seed)
    index = VectorIndex.build(
        unit_rows(rng, n, dim),
        rng.normal(-8, 2, n).astype(np.float32),
        rng.choice(3, n, p=[0.2, 0.6, 0.2]).astype(np.int8),
        item_ids=[f"item {row}" for row in range(n)],
        tower_fingerprint="tower-a",
        storage=storage,  # type: ignore[arg-type]
    )
    if not updated:
        return index
    more = unit_rows(rng, 40, dim), rng.normal(-8, 2, 40).astype(np.float32)
    index = add_items(index, *more, np.zeros(40, np.int8), [f"new {row}" for row in range(40)])
    return remove_items(index, rng.choice(index.n_items, n // 10, replace=False))


def one_by_one(
    index: VectorIndex, vectors: Any, search_queries: list[SearchQuery], **asked: Any
) -> list[SearchResult]:
    """Return the answers of FAISS's own search, segment by segment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "shares_products", lambda *_: False)
        return [
            index.search(
                vectors, q.k, popularity_weight=q.popularity_weight, segments=q.segments, **asked
            )
            for q in search_queries
        ]


def assert_same(found: list[SearchResult], expected: list[SearchResult]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.rows.tolist() == theirs.rows.tolist()
        assert (ours.scores == theirs.scores).all()


@pytest.mark.parametrize("share", [None, 0.6, 0.05, 0.0])
@pytest.mark.parametrize("exclude", [False, True], ids=["", "excluding"])
@pytest.mark.parametrize("updated", [False, True], ids=["as built", "updated"])
@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("m", [1, 5, 40])
def test_together_as_one_by_one(
    m: int, storage: str, updated: bool, exclude: bool, share: float | None
) -> None:
    index, rng = made(storage, updated=updated), np.random.default_rng(1)
    vectors = unit_rows(rng, m, DIM) * 20
    weights = rng.normal(0, 0.5, m).astype(np.float32)
    search_queries = [
        SearchQuery(30, -0.3),
        SearchQuery(10),
        SearchQuery(7, 0.0, ["tail", "cold"]),
        SearchQuery(400, weights, ["head", "cold"]),
        SearchQuery(3, 0.2, []),
        SearchQuery(1, 0.9, ["head"]),
    ]
    asked: dict[str, Any] = {}
    if exclude:
        lengths = rng.choice([0, 5, 300, N - 3], m)
        lists = [rng.choice(N, length, replace=False).tolist() for length in lengths]
        asked["excluded"] = compress(lists)
    if share is not None:
        asked["allowed"] = rng.random(index.n_items) < share
    found = index.search_each(vectors, search_queries, **asked)
    assert_same(found, one_by_one(index, vectors, search_queries, **asked))


@st.composite
def ties(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "n": draw(st.integers(1, 900)),
        "m": draw(st.integers(1, 40)),
        "dim": draw(st.sampled_from([1, 3, 400])),
        "ks": draw(st.lists(st.integers(1, 70), min_size=1, max_size=3)),
        "weights": draw(st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=3, max_size=3)),
        "width": draw(st.sampled_from([16, 100, 2_048])),
        "kept": draw(st.sampled_from([0, 2**19])),
        "seed": draw(st.integers(0, 2**16)),
    }


@settings(max_examples=100)
@given(ties())
def test_ties_and_many_blocks_give_the_answers_of_a_full_sort(case: dict[str, Any]) -> None:
    n, m, dim = case["n"], case["m"], case["dim"]
    rng = np.random.default_rng(case["seed"])
    vectors, queries = (whole_number_vectors(rng, size, dim) for size in (n, m))
    popularity = rng.integers(-4, 5, n).astype(np.float32)
    index = VectorIndex.build(
        vectors,
        popularity,
        rng.integers(0, 3, n).astype(np.int8),
        item_ids=[f"item {row}" for row in range(n)],
        tower_fingerprint="tower-a",
    )
    search_queries = [SearchQuery(k, w) for k, w in zip(case["ks"], case["weights"], strict=False)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_products, "PRODUCT_BYTES", 0)
        patch.setattr(shared_products, "VECTORS_A_PRODUCT", case["width"])
        patch.setattr(shared_products, "QUERIES_AT_ONCE", 9)
        patch.setattr(running_best, "MOST_CANDIDATES", case["kept"])
        found = index.search_each(queries, search_queries)
    products = queries.astype(float) @ vectors.T.astype(float)
    for search_query, answer in zip(search_queries, found, strict=True):
        scores = products + search_query.popularity_weight * popularity
        expected = by_hand(scores, search_query.k, np.ones(scores.shape, bool))
        assert answer.rows.tolist() == expected.tolist()


def test_scores_closer_than_rounding_are_told_apart_as_by_single_searches() -> None:
    # Thousands of items differ in the last bits of the score: the product's order is chance.
    rng = np.random.default_rng(2)
    one = unit_rows(rng, 1, 64)
    vectors = (one * (1 + rng.integers(-3, 4, (3_000, 64)) * 2.0**-23)).astype(np.float32)
    index = VectorIndex.build(
        vectors,
        np.zeros(3_000, np.float32),
        np.zeros(3_000, np.int8),
        item_ids=[f"item {row}" for row in range(3_000)],
        tower_fingerprint="tower-a",
    )
    queries = (one + unit_rows(rng, 30, 64) * np.float32(1e-3)).astype(np.float32)
    exact = index.score(queries, np.tile(np.arange(3_000), (30, 1)))
    expected = by_hand(exact.astype(float), 20, np.ones(exact.shape, bool))
    for m in (1, 30):
        found = index.search_each(queries[:m], [SearchQuery(20), SearchQuery(5, 0.5)])
        assert found[0].rows.tolist() == expected[:m].tolist()


@pytest.mark.parametrize("way", ["GATHER_BYTES", "COPY"])
def test_every_way_to_filter_gives_the_same(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_plan, way, 0)
    index, rng = made("float32"), np.random.default_rng(3)
    vectors, allowed = unit_rows(rng, 20, DIM), rng.random(N) < 0.3
    search_queries = [SearchQuery(15, 0.1), SearchQuery(9, -0.1, ["tail"])]
    found = index.search_each(vectors, search_queries, allowed=allowed)
    assert_same(found, one_by_one(index, vectors, search_queries, allowed=allowed))


def test_a_segment_with_a_structure_is_asked_each_question() -> None:
    index, rng = made("float32"), np.random.default_rng(4)
    vectors = unit_rows(rng, 30, DIM)
    mixed = with_ann(index, AnnSettings("ivf", exact_below=1_000, ks=(10,)))
    assert [s.ann is not None for s in mixed.segments] == [False, True, False]
    search_queries = [
        SearchQuery(10, -0.02),
        SearchQuery(5, 0.0, ["tail"]),
        SearchQuery(5, 0.0, ["cold"]),
    ]
    together = mixed.search_each(vectors, search_queries)
    assert_same(together, one_by_one(mixed, vectors, search_queries))


def test_no_vectors_no_questions_and_bad_ones() -> None:
    index = made("float32", n=50)
    vectors = index.vectors(np.arange(3))
    assert index.search_each(vectors, []) == []
    assert index.search_each(vectors[:0], [SearchQuery(4)])[0].rows.shape == (0, 4)
    with pytest.raises(VectorIndexError, match="k must be at least 1, not 0"):
        index.search_each(vectors, [SearchQuery(4), SearchQuery(0)])
    with pytest.raises(VectorIndexError, match=r"no segment 'attic'; there are head, tail, cold"):
        index.search_each(vectors, [SearchQuery(4), SearchQuery(4, 0.0, ["attic"])])
    bad = vectors.copy()
    bad[1, 0] = np.nan
    with pytest.raises(VectorIndexError, match="query 1 holds NaN"):
        index.search_each(bad, [SearchQuery(4)])
    emptied = replace(
        index, segments=tuple(replace(s, removed=np.arange(len(s))) for s in index.segments)
    )
    assert (emptied.search_each(vectors, [SearchQuery(4), SearchQuery(2)])[0].rows == -1).all()
