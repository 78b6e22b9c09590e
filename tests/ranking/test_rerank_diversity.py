"""Maximal marginal relevance over the item vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rerank_toys import STRENGTHS, toy_candidates

from longtail.retrieval.ranking.rerank.debias import best_first
from longtail.retrieval.ranking.rerank.diversity import diversified
from longtail.retrieval.ranking.rerank.rerank import Rerank, rerank
from longtail.retrieval.ranking.rerank.scored_candidates import PAGE, Candidates

seeds = st.integers(0, 2**32 - 1)


def picked_by_hand(candidates: Candidates, user: int, k: int, diversity: float) -> list[int]:
    """The definition, one user and one pick at a time."""
    assert candidates.vectors is not None
    places = np.flatnonzero(candidates.present()[user]).tolist()
    places.sort(key=lambda i: (-candidates.logits[user, i], candidates.rows[user, i]))
    if not places:
        return []
    scores = candidates.logits[user].astype(float)
    best, last = scores[places[0]], scores[places[min(PAGE, len(places)) - 1]]
    if last == best:
        last = scores[places[-1]]
    vectors, picks = candidates.vectors[user], [places.pop(0)]
    while places and len(picks) < k:
        gains = []
        for i in places:
            relevance = (scores[i] - last) / (best - last) if best > last else 0.0
            likeness = max(float(vectors[i] @ vectors[j]) for j in picks)
            gains.append((1 - diversity) * relevance - diversity * likeness)
        picks.append(places.pop(int(np.argmax(gains))))
    return picks


@settings(max_examples=60)
@given(seed=seeds, k=st.integers(1, 25), diversity=STRENGTHS)
def test_lists_are_those_of_the_definition(seed: int, k: int, diversity: float) -> None:
    candidates = toy_candidates(np.random.default_rng(seed))
    found = rerank(candidates, k, Rerank(diversity=diversity)).places
    for user in range(len(found)):
        by_hand = picked_by_hand(candidates, user, k, diversity)
        assert found[user][found[user] >= 0].tolist() == by_hand


@settings(max_examples=80)
@given(seed=seeds, weaker=STRENGTHS, stronger=STRENGTHS)
def test_after_the_same_picks_a_higher_diversity_picks_nothing_more_alike(
    seed: int, weaker: float, stronger: float
) -> None:
    weaker, stronger = sorted((weaker, stronger))
    candidates = toy_candidates(np.random.default_rng(seed))
    assert candidates.vectors is not None
    before, after = (
        rerank(candidates, 10, Rerank(diversity=diversity)).places
        for diversity in (weaker, stronger)
    )
    for vectors, left, right in zip(candidates.vectors, before, after, strict=True):
        if (left == right).all():
            continue
        first = int(np.argmax(left != right))
        assert first > 0, "the best candidate opens every list"
        likeness = [float((vectors[left[:first]] @ vectors[p[first]]).max()) for p in (left, right)]
        assert likeness[1] <= likeness[0] + 1e-5


def test_on_the_whole_lists_grow_less_alike_and_less_relevant() -> None:
    candidates = toy_candidates(np.random.default_rng(8), users=200, gaps=False)
    assert candidates.vectors is not None
    alike, relevance = [], []
    for diversity in (0.0, 0.25, 0.5, 0.75, 1.0):
        places = rerank(candidates, 8, Rerank(diversity=diversity)).places
        listed = np.take_along_axis(candidates.vectors, places[:, :, None], axis=1)
        alike.append(float((listed @ listed.transpose(0, 2, 1)).mean()))
        relevance.append(float(np.take_along_axis(candidates.logits, places, 1).mean()))
    assert (np.diff(alike) < 0).all()
    assert (np.diff(relevance) < 0).all()


def test_without_diversity_the_order_given_stays() -> None:
    candidates = toy_candidates(np.random.default_rng(1))
    assert candidates.vectors is not None
    present = candidates.present()
    scores = np.where(present, candidates.logits, 0.0).astype(np.float64)
    order = best_first(candidates.rows, present, scores, candidates.logits)
    found = diversified(order, scores, candidates.vectors, present.sum(axis=1), 6, 0.0)
    assert found.tolist() == rerank(candidates, 6, Rerank()).places.tolist()


@pytest.mark.parametrize(("diversity", "copy_at"), [(0.0, 1), (0.51, 3), (1.0, 3)])
def test_above_one_half_a_copy_stands_behind_all_unlike_items(
    diversity: float, copy_at: int
) -> None:
    logits = np.array([[3.0, 2.9, 1.0, 0.0]], np.float32)
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]][None]
    rows = np.arange(4)[None]
    candidates = Candidates(rows, logits, np.zeros_like(logits), vectors=vectors)
    found = rerank(candidates, 4, Rerank(diversity=diversity)).rows[0].tolist()
    assert found[0] == 0
    assert found.index(1) == copy_at
