"""The validation measure: sorted lists, ties, chunks, and a model that has diverged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity
from longtail.retrieval.towers.whitening import unit_rows
from longtail.training.validation import ValidationSet, measure

N_ITEMS = 30


def popularity_of(counts: list[int]) -> Popularity:
    ids = np.array([f"i{n:02}" for n in range(len(counts))], dtype=object)
    return Popularity.from_counts(np.array(counts, np.int64), ids)


def slow_measure(
    scores: NDArray[np.float64],
    known: list[list[int]],
    wanted: list[list[int]],
    popularity: Popularity,
    *,
    tail: bool,
) -> tuple[float, float]:
    """NDCG@10 and recall@10 from sorted lists, a user at a time."""
    ndcg, recall = [], []
    for line, seen, targets in zip(scores, known, wanted, strict=True):
        goal = {t for t in targets if t not in seen}
        if tail:
            goal = {t for t in goal if popularity.bucket[t] != HEAD}
        if not goal or not seen:
            continue
        ranked = [i for i in np.argsort(-line, kind="stable") if i not in seen][:10]
        gain = sum(1 / np.log2(place + 2) for place, item in enumerate(ranked) if item in goal)
        best = sum(1 / np.log2(place + 2) for place in range(min(len(goal), 10)))
        ndcg.append(gain / best)
        recall.append(len(goal & set(ranked)) / len(goal))
    return float(np.mean(ndcg)), float(np.mean(recall))


class TestValidation:
    @settings(max_examples=40)
    @given(st.integers(0, 2**31))
    def test_the_measure_is_that_of_sorted_lists(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        popularity = popularity_of(rng.integers(0, 40, N_ITEMS).tolist())
        known = [rng.integers(0, N_ITEMS, rng.integers(0, 6)).tolist() for _ in range(12)]
        wanted = [rng.integers(0, N_ITEMS, rng.integers(1, 4)).tolist() for _ in range(12)]
        known[0], wanted[0] = [0], [1 + int(popularity.bucket[1] == HEAD), 2, 3, 4, 5, 6, 7]
        valid = Interactions(
            np.array([str(u) for u in range(12)], dtype=object),
            np.repeat(np.arange(12, dtype=np.int32), [len(w) for w in wanted]),
            np.concatenate(wanted).astype(np.int32),
            np.arange(sum(len(w) for w in wanted)),
            has_clock=False,
        )
        chosen = ValidationSet.from_split(
            Histories.from_lists(known), valid, popularity, max_users=100, seed=0
        )
        items = unit_rows(rng.normal(size=(N_ITEMS, 6)).astype(np.float32))
        everyone = unit_rows(rng.normal(size=(12, 6)).astype(np.float32))
        users = everyone[[int(user) for user in chosen.known.user_ids]]
        found = measure(
            users, items, chosen, popularity, temperature=0.2, popularity_weights=(0.0, 0.7)
        )
        for m in found:
            scores = everyone @ items.T / 0.2 + m.popularity_weight * popularity.log_p
            slow = slow_measure(scores, known, wanted, popularity, tail=False)
            assert (m.ndcg, m.recall) == pytest.approx(slow, abs=1e-6)
            slow = slow_measure(scores, known, wanted, popularity, tail=True)
            assert (m.tail_ndcg, m.tail_recall) == pytest.approx(slow, abs=1e-6)
            assert m.balance == pytest.approx(np.sqrt(m.ndcg * m.tail_ndcg))

    def test_more_users_than_a_chunk_give_the_same(self) -> None:
        rng = np.random.default_rng(0)
        popularity = popularity_of(rng.integers(1, 40, N_ITEMS).tolist())
        n = 1_300  # two chunks and a half
        known = [[int(i)] for i in rng.integers(0, N_ITEMS, n)]
        wanted = [[int(i)] for i in rng.integers(0, N_ITEMS, n)]
        valid = Interactions(
            np.arange(n).astype(str).astype(object),
            np.arange(n, dtype=np.int32),
            np.concatenate(wanted).astype(np.int32),
            np.arange(n),
            has_clock=False,
        )
        chosen = ValidationSet.from_split(
            Histories.from_lists(known), valid, popularity, max_users=n, seed=0
        )
        items = unit_rows(rng.normal(size=(N_ITEMS, 6)).astype(np.float32))
        everyone = unit_rows(rng.normal(size=(n, 6)).astype(np.float32))
        users = everyone[[int(user) for user in chosen.known.user_ids]]
        (found,) = measure(
            users, items, chosen, popularity, temperature=1.0, popularity_weights=(0.0,)
        )
        slow = slow_measure(everyone @ items.T, known, wanted, popularity, tail=False)
        assert (found.ndcg, found.recall) == pytest.approx(slow, abs=1e-6)

    def test_ties_count_against_the_target(self) -> None:
        popularity = popularity_of([3] * N_ITEMS)
        valid = Interactions(
            np.array(["u"], dtype=object),
            np.zeros(1, np.int32),
            np.array([5], np.int32),
            np.zeros(1, np.int64),
            has_clock=False,
        )
        chosen = ValidationSet.from_split(
            Histories.from_lists([[0]]), valid, popularity, max_users=9, seed=0
        )
        same = np.ones((N_ITEMS, 1), np.float32)
        (found,) = measure(
            same[:1], same, chosen, popularity, temperature=1.0, popularity_weights=(0.0,)
        )
        assert (found.ndcg, found.recall) == (0.0, 0.0)

    def test_a_model_that_knows_nothing_any_more_is_the_worst(self) -> None:
        popularity = popularity_of([3] * N_ITEMS)
        valid = Interactions(
            np.array(["u"], dtype=object),
            np.zeros(1, np.int32),
            np.array([5], np.int32),
            np.zeros(1, np.int64),
            has_clock=False,
        )
        chosen = ValidationSet.from_split(
            Histories.from_lists([[0]]), valid, popularity, max_users=9, seed=0
        )
        broken = np.full((N_ITEMS, 2), np.nan, np.float32)
        (found,) = measure(
            broken[:1], broken, chosen, popularity, temperature=1.0, popularity_weights=(0.0,)
        )
        assert (found.ndcg, found.recall) == (0.0, 0.0)

    def test_fewer_users_are_drawn_evenly_and_by_the_seed(self) -> None:
        popularity = popularity_of([3] * N_ITEMS)
        n = 200
        valid = Interactions(
            np.arange(n).astype(str).astype(object),
            np.arange(n, dtype=np.int32),
            np.full(n, 5, np.int32),
            np.arange(n),
            has_clock=False,
        )
        known = Histories.from_lists([[0]] * n)
        drawn = [
            ValidationSet.from_split(known, valid, popularity, max_users=50, seed=seed)
            for seed in (0, 0, 1)
        ]
        ids = [found.known.user_ids.tolist() for found in drawn]
        assert [len(found) for found in drawn] == [50] * 3
        assert ids[0] == ids[1] != ids[2]
        assert max(int(user) for user in ids[0]) > n // 2
