"""A search returns what a full sort in NumPy returns, whatever is filtered out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_toys import NAMES, build, by_hand, compress, unit_rows, whole_number_vectors

from longtail.index.ann import filter_plan
from longtail.index.vector_index import VectorIndex


@st.composite
def searches(draw: st.DrawFn) -> dict[str, object]:
    # Up to some dozens FAISS isn't asked at all; from some hundreds on it is.
    n = draw(st.one_of(st.integers(1, 60), st.integers(200, 600)))
    m = draw(st.integers(1, 12))
    return {
        "n": n,
        "m": m,
        "dim": draw(st.integers(1, 6)),
        "k": draw(st.integers(1, 70)),
        "used_segments": draw(st.integers(1, 3)),
        "seed": draw(st.integers(0, 2**16)),
        "weight": draw(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 2.0])),
        "segments": draw(st.one_of(st.none(), st.sets(st.sampled_from(NAMES)))),
        "excluded": draw(st.one_of(st.none(), st.floats(0, 1))),
        "allowed": draw(st.one_of(st.none(), st.floats(0, 1))),
    }


@settings(max_examples=250)
@given(searches())
def test_answers_are_those_of_a_full_sort(case: dict[str, object]) -> None:
    n, m, k = case["n"], case["m"], case["k"]
    rng = np.random.default_rng(case["seed"])
    vectors, queries = (whole_number_vectors(rng, size, case["dim"]) for size in (n, m))
    popularity = rng.integers(-4, 5, n).astype(np.float32)
    segment_of = rng.integers(0, case["used_segments"], n).astype(np.int8)
    may_return = np.ones((m, n), bool)
    excluded = allowed = None
    if case["segments"] is not None:
        codes = [NAMES.index(name) for name in case["segments"]]
        may_return &= np.isin(segment_of, codes)
    if case["excluded"] is not None:
        seen = rng.random((m, n)) < case["excluded"]
        excluded = compress([np.flatnonzero(line).tolist() for line in seen])
        may_return &= ~seen
    if case["allowed"] is not None:
        allowed = rng.random(n) < case["allowed"]
        may_return &= allowed

    found = build(vectors, popularity, segment_of).search(
        queries,
        k,
        popularity_weight=case["weight"],
        segments=case["segments"],
        excluded=excluded,
        allowed=allowed,
    )

    scores = queries.astype(float) @ vectors.T.astype(float) + case["weight"] * popularity
    expected = by_hand(scores, k, may_return)
    assert found.rows.tolist() == expected.tolist()
    there = expected >= 0
    expected_scores = np.take_along_axis(scores, np.maximum(expected, 0), axis=1)
    assert (found.scores[there] == expected_scores[there]).all()
    assert np.isneginf(found.scores[~there]).all()


@pytest.mark.parametrize("weight", [-0.7, 0.0, 0.4])
def test_the_answers_over_many_real_directions_are_those_of_a_full_sort(weight: float) -> None:
    rng = np.random.default_rng(1)
    vectors, queries = unit_rows(rng, 3_000, 48), unit_rows(rng, 40, 48) * 20
    popularity = rng.normal(-8, 2, 3_000).astype(np.float32)

    found = build(vectors, popularity).search(queries, 25, popularity_weight=weight)

    scores = queries.astype(float) @ vectors.T.astype(float)
    scores += float(np.float32(weight)) * popularity.astype(float)
    assert found.rows.tolist() == by_hand(scores, 25, np.ones(scores.shape, bool)).tolist()


@pytest.mark.parametrize("n", [50, 2_000])
def test_a_query_gets_the_same_answer_alone_as_in_a_batch(n: int) -> None:
    rng = np.random.default_rng(2)
    vectors = unit_rows(rng, n, 33)
    # Near ties: the same vectors again, moved by less than a float32 sum's rounding.
    vectors[n // 2 :] = vectors[: n - n // 2] * np.float32(1 + 2**-22)
    index, queries = build(vectors), unit_rows(rng, 300, 33)
    together = index.search(queries, 10, popularity_weight=0.3)
    for size in (1, 2, 7, 64):
        part = index.search(queries[:size], 10, popularity_weight=0.3)
        assert (part.rows == together.rows[:size]).all()
        assert (part.scores == together.scores[:size]).all()


@pytest.mark.parametrize("n_queries", [1, 300])
def test_among_hundreds_of_near_ties_the_best_scores_win(n_queries: int) -> None:
    rng = np.random.default_rng(2)
    moved = 1 + rng.integers(-4, 5, (900, 1)) * 2.0**-23
    index = build((unit_rows(rng, 1, 65) * moved).astype(np.float32))
    queries = unit_rows(rng, n_queries, 65)
    every_row = np.tile(np.arange(900), (n_queries, 1))
    scores = index.score(queries, every_row).astype(float)
    found = index.search(queries, 8).rows
    assert found.tolist() == by_hand(scores, 8, np.ones(scores.shape, bool)).tolist()


def test_a_catalog_of_identical_vectors_is_answered_in_catalog_order() -> None:
    vectors = np.tile(unit_rows(np.random.default_rng(3), 1, 16), (1_000, 1))
    found = build(vectors).search(vectors[:30], 5)
    assert (found.rows == np.arange(5)).all()


def test_a_zero_query_with_a_weight_ranks_by_popularity_alone() -> None:
    rng = np.random.default_rng(4)
    popularity = rng.permutation(600).astype(np.float32)
    index = build(unit_rows(rng, 600, 8), popularity)
    found = index.search(np.zeros((1, 8), np.float32), 3, popularity_weight=-1.0)
    assert popularity[found.rows[0]].tolist() == [0, 1, 2]


def test_each_query_may_have_its_own_weight() -> None:
    rng = np.random.default_rng(5)
    index = build(unit_rows(rng, 500, 8), rng.normal(size=500).astype(np.float32))
    queries, weights = unit_rows(rng, 4, 8), np.array([0, -1, 0.5, 2], np.float32)
    together = index.search(queries, 6, popularity_weight=weights)
    for query, weight in enumerate(weights):
        alone = index.search(queries[query : query + 1], 6, popularity_weight=float(weight))
        assert (alone.rows[0] == together.rows[query]).all()


@settings(max_examples=60)
@given(st.integers(0, 2**16), st.integers(1, 20))
def test_raising_debias_never_raises_the_popularity_of_the_top(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    popularity = rng.integers(-9, 0, 200).astype(np.float32)
    index = build(whole_number_vectors(rng, 200, 4), popularity)
    query = whole_number_vectors(rng, 1, 4)
    # Eighths are exact in float32, so that a tie is a tie at every strength.
    summed = [
        float(popularity[index.search(query, k, popularity_weight=-debias).rows[0]].sum())
        for debias in np.arange(9) / 8
    ]
    assert all(later <= earlier for earlier, later in pairwise(summed))


def test_one_user_with_a_long_history_still_gets_k_answers_and_the_others_theirs() -> None:
    rng = np.random.default_rng(6)
    vectors = unit_rows(rng, 4_000, 8)
    queries = vectors[:5].copy()
    scores = queries.astype(float) @ vectors.T.astype(float)
    lengths = (0, 3, 3_995, 40, 1)
    seen = [np.argsort(-scores[query])[:length].tolist() for query, length in enumerate(lengths)]
    may_return = np.ones(scores.shape, bool)
    for query, rows in enumerate(seen):
        may_return[query, rows] = False
    found = build(vectors).search(queries, 10, excluded=compress(seen))
    assert found.rows.tolist() == by_hand(scores, 10, may_return).tolist()
    assert (found.rows[2] >= 0).sum() == 5


@pytest.mark.parametrize("way", ["few queries", "copied", "in blocks"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.95])
def test_every_way_to_filter_gives_the_answers_of_a_full_sort(
    way: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "in blocks":
        monkeypatch.setattr(filter_plan, "GATHER_BYTES", 0)
    rng = np.random.default_rng(7)
    m = 3 if way == "few queries" else 20
    vectors, queries = unit_rows(rng, 3_000, 12), unit_rows(rng, m, 12)
    allowed = rng.random(3_000) < share
    seen = [rng.choice(3_000, 30, replace=False).tolist() for _ in range(m)]
    may_return = np.tile(allowed, (m, 1))
    for query, rows in enumerate(seen):
        may_return[query, rows] = False
    found = build(vectors).search(queries, 15, allowed=allowed, excluded=compress(seen))
    scores = queries.astype(float) @ vectors.T.astype(float)
    assert found.rows.tolist() == by_hand(scores, 15, may_return).tolist()


def test_a_search_and_the_scores_of_its_answers_agree_to_the_last_bit() -> None:
    rng = np.random.default_rng(8)
    index = build(unit_rows(rng, 900, 20), rng.normal(size=900).astype(np.float32))
    queries = unit_rows(rng, 30, 20)
    found = index.search(queries, 12, popularity_weight=0.7)
    assert (index.score(queries, found.rows, popularity_weight=0.7) == found.scores).all()


def test_a_padded_candidate_scores_minus_infinity() -> None:
    index = build(unit_rows(np.random.default_rng(9), 5, 4))
    scores = index.score(index.vectors(np.array([4])), np.array([[4, -1]]))
    assert scores[0, 0] == pytest.approx(1.0)
    assert np.isneginf(scores[0, 1])


def test_only_the_chosen_segments_answer_and_an_empty_one_answers_nothing() -> None:
    vectors = unit_rows(np.random.default_rng(10), 20, 4)
    index = build(vectors, segment_of=np.repeat([0, 1], [5, 15]).astype(np.int8))
    assert index.segment_sizes == {"head": 5, "tail": 15, "cold": 0}
    assert sorted(index.search(vectors[:1], 9, segments=["head"]).rows[0]) == [-1] * 4 + [*range(5)]
    assert (index.search(vectors[:1], 3, segments=["cold"]).rows == -1).all()
    assert (index.search(vectors[:1], 3, segments=[]).rows == -1).all()
    assert index.search(vectors[:1], 9, segments=["tail", "cold"]).rows.min() == 5


def test_a_catalog_of_one_item_is_searched() -> None:
    index = build(np.ones((1, 1), np.float32))
    found = index.search(np.full((2, 1), 3, np.float32), 2)
    assert found.rows.tolist() == [[0, -1], [0, -1]]
    assert found.scores[:, 0].tolist() == [3, 3]


def test_no_queries_get_no_answers() -> None:
    found = build(np.ones((4, 2), np.float32)).search(np.empty((0, 2), np.float32), 3)
    assert found.rows.shape == found.scores.shape == (0, 3)


def test_vectors_and_popularity_come_back_as_they_were_given() -> None:
    rng = np.random.default_rng(11)
    vectors, popularity = unit_rows(rng, 40, 6), rng.normal(size=40).astype(np.float32)
    segment_of = rng.integers(0, 3, 40).astype(np.int8)
    index, rows = build(vectors, popularity, segment_of), np.array([7, 0, 39, 7])
    assert (index.vectors(rows) == vectors[rows]).all()
    assert (index.popularity(rows) == popularity[rows]).all()
    assert (index.pool_codes() == segment_of).all()
    assert (index.n_items, index.dim, index.device) == (40, 6, "cpu")


def test_readers_in_several_threads_get_the_answers_of_one() -> None:
    rng = np.random.default_rng(12)
    index, queries = build(unit_rows(rng, 2_000, 16)), unit_rows(rng, 64, 16)
    allowed = rng.random(2_000) < 0.4
    expected = index.search(queries, 10, allowed=allowed).rows

    def read(start: int) -> bool:
        part = index.search(queries[start : start + 8], 10, allowed=allowed)
        return bool((part.rows == expected[start : start + 8]).all())

    with ThreadPoolExecutor(4) as readers:
        assert all(readers.map(read, list(range(57)) * 4))


@pytest.mark.gpu
def test_the_gpu_gives_the_answers_of_the_cpu() -> None:
    from longtail.index.faiss_runtime import gpu_count

    if gpu_count() == 0:
        pytest.skip("FAISS sees no GPU")
    rng = np.random.default_rng(13)
    index: VectorIndex = build(unit_rows(rng, 9_000, 32), rng.normal(size=9_000).astype(np.float32))
    queries = unit_rows(rng, 50, 32)
    seen = compress([rng.choice(9_000, 100, replace=False).tolist() for _ in range(50)])
    on_gpu = index.to_device("gpu")
    for k in (1, 10, 500, 2_500):
        for allowed in (None, rng.random(9_000) < 0.3):
            asked = {"popularity_weight": -0.4, "excluded": seen, "allowed": allowed}
            cpu, gpu = index.search(queries, k, **asked), on_gpu.search(queries, k, **asked)
            assert (cpu.rows == gpu.rows).all()
            assert (cpu.scores == gpu.scores).all()
