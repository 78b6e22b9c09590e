"""Baselines, and the recommender that ranks by their scores."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtail.evaluation import score_recommender
from longtail.evaluation.baselines import ContentKNN, PopularityBaseline, RandomBaseline
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.score_recommender import ScoreRecommender, best_columns
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Pool, Popularity


class Fixed:
    """Gives the same scores to everybody."""

    name = "fixed"

    def __init__(self, scores: list[float]) -> None:
        self._scores = np.array(scores, dtype=np.float32)

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        return np.tile(self._scores, (len(histories), 1))


def shop(n_items: int) -> Catalog:
    ids = [f"i{row}" for row in range(n_items)]
    return Catalog(pd.DataFrame({"item_id": ids, "title": ids}), "{title}")


def log(pairs: list[tuple[int, int]], n_users: int) -> Interactions:
    users, items = np.array(pairs, dtype=np.int32).T
    ids = np.array([f"u{user}" for user in range(n_users)], dtype=object)
    return Interactions(ids, users, items, np.arange(len(pairs)), has_clock=False)


def top(
    ranked: ScoreRecommender, histories: Histories, k: int, pool: Pool, debias: float = 0.0
) -> NDArray[np.int64]:
    return ranked.answers(histories, k, (pool,))[debias, pool]


def popularity(counts: list[int], rule: str = "items:0.2") -> Popularity:
    return Popularity.from_counts(np.array(counts), shop(len(counts)).item_ids, rule)


def test_popularity_counts_each_user_once() -> None:
    events = log([(0, 2), (0, 2), (0, 2), (1, 1), (2, 1)], 3)
    scores = PopularityBaseline().fit(events, shop(4)).scores(Histories.from_lists([[], [0]]))
    assert np.expm1(scores).round().tolist() == [[0, 2, 1, 0], [0, 2, 1, 0]]


def test_random_answers_depend_on_the_user_alone() -> None:
    random = RandomBaseline(seed=3).fit(log([(0, 0)], 1), shop(50))
    together = random.scores(Histories.from_lists([[], [1], []], ["ann", "bob", "eve"]))
    alone = random.scores(Histories.from_lists([[7]], ["bob"]))
    assert (together[1] == alone[0]).all()
    assert (together[0] != together[2]).any()
    other = RandomBaseline(seed=4).fit(log([(0, 0)], 1), shop(50))
    assert (other.scores(Histories.from_lists([[]], ["bob"])) != alone).any()


def test_content_knn_is_the_decayed_sum_of_the_last_items() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    histories = [[4, 9, 2], [], list(range(25))]
    found = ContentKNN(vectors).scores(Histories.from_lists(histories))
    for line in (0, 2):
        last = histories[line][-20:][::-1]
        user = sum(0.8**age * vectors[item] for age, item in enumerate(last))
        np.testing.assert_allclose(found[line], vectors @ user, rtol=1e-5, atol=1e-5)
    assert (found[1] == -np.inf).all()


def test_content_knn_gives_a_new_user_no_answer() -> None:
    knn = ScoreRecommender(ContentKNN(np.eye(4, dtype=np.float32)), popularity([3, 2, 1, 0]))
    assert top(knn, Histories.from_lists([[]]), 2, "all").tolist() == [[-1, -1]]


def test_history_is_left_out_and_ties_go_by_row() -> None:
    ranked = ScoreRecommender(Fixed([1, 2, 2, 1, 2]), popularity([5, 4, 3, 2, 1]))
    histories = Histories.from_lists([[1], [4, 2]])
    assert top(ranked, histories, 3, "all").tolist() == [[2, 4, 0], [1, 0, 3]]


def test_short_pools_are_padded() -> None:
    ranked = ScoreRecommender(Fixed([1, 2, 3, 4, 5]), popularity([9, 4, 3, 2, 0]))
    histories = Histories.from_lists([[3]])
    assert top(ranked, histories, 4, "head").tolist() == [[0, -1, -1, -1]]
    assert top(ranked, histories, 4, "tail").tolist() == [[4, 2, 1, -1]]
    assert top(ranked, histories, 9, "cold").tolist() == [[4] + [-1] * 8]


def test_scores_that_are_not_numbers_are_no_answer() -> None:
    ranked = ScoreRecommender(Fixed([np.nan, 1, -np.inf, 0, 2]), popularity([5, 4, 3, 2, 1]))
    assert top(ranked, Histories.from_lists([[]]), 5, "all").tolist() == [[4, 1, 3, -1, -1]]


def test_debias_takes_the_log_popularity_off() -> None:
    known = popularity([1000, 10, 0])
    ranked = ScoreRecommender(Fixed([1.0, 0.9, 0.0]), known, (0.0, 0.5))
    histories = Histories.from_lists([[]])
    assert top(ranked, histories, 3, "all")[0].tolist() == [0, 1, 2]
    assert top(ranked, histories, 3, "all", 0.5)[0].tolist() == [1, 2, 0]


def test_one_scoring_serves_every_strength_and_pool() -> None:
    scored: list[int] = []

    class Counted(Fixed):
        def scores(self, histories: Histories) -> NDArray[np.float32]:
            scored.append(len(histories))
            return super().scores(histories)

    known = popularity([9, 4, 3, 2, 0])
    ranked = ScoreRecommender(Counted([5, 4, 3, 2, 1]), known, (0.0, 0.5, 1.0), standardise=True)
    lists = ranked.answers(Histories.from_lists([[0], []]), 2, ("all", "tail", "cold"))
    assert scored == [2]
    assert list(lists) == [
        (debias, pool) for debias in (0.0, 0.5, 1.0) for pool in ("all", "tail", "cold")
    ]
    assert lists[0.0, "all"].tolist() == [[1, 2], [0, 1]]
    assert lists[1.0, "cold"].tolist() == [[4, -1], [4, -1]]


@given(
    scores=st.lists(st.floats(-3, 3, width=32), min_size=8, max_size=8),
    counts=st.lists(st.integers(0, 500), min_size=8, max_size=8),
    strengths=st.lists(st.integers(0, 20).map(lambda step: step / 20), min_size=2, max_size=5),
)
@settings(max_examples=100)
def test_more_debias_never_makes_the_list_more_popular(
    scores: list[float], counts: list[int], strengths: list[float]
) -> None:
    known, rising = popularity(counts), sorted(set(strengths))
    for standardise in (False, True):
        ranked = ScoreRecommender(Fixed(scores), known, tuple(rising), standardise)
        lists = ranked.answers(Histories.from_lists([[]]), 3, ("all",))
        sums = [
            float(known.log_p[lists[debias, "all"][0]].astype(float).sum()) for debias in rising
        ]
        assert all(later <= earlier + 1e-3 for earlier, later in pairwise(sums))


def test_the_standardised_dial_does_not_know_the_scale_of_the_scores() -> None:
    chance = np.random.default_rng(1)
    known = popularity(chance.integers(0, 90, 300).tolist())
    scores = chance.gumbel(size=300)
    histories = Histories.from_lists([[3, 5], [7]])
    strengths = (0.0, 0.3, 1.0)
    plain = ScoreRecommender(Fixed(scores.tolist()), known, strengths, standardise=True)
    other = ScoreRecommender(Fixed((64 * scores - 3).tolist()), known, strengths, standardise=True)
    expected = plain.answers(histories, 20, ("all", "tail"))
    for key, rows in other.answers(histories, 20, ("all", "tail")).items():
        assert (rows == expected[key]).mean() > 0.99


def test_at_strength_one_a_deviation_of_popularity_weighs_one_of_the_best_scores() -> None:
    known = popularity([40, 20, 9, 4, 1])
    scores = np.array([2.0, 1.5, 1.0, 0.6, 0.5])
    unit = scores.std() / known.log_p.std()
    expected = np.argsort(-(scores - unit * known.log_p), kind="stable")
    ranked = ScoreRecommender(Fixed(scores.tolist()), known, (1.0,), standardise=True)
    found = top(ranked, Histories.from_lists([[]]), 5, "all", 1.0)
    assert found[0].tolist() == expected.tolist()


@given(
    scores=st.lists(
        st.lists(st.sampled_from([-np.inf, 0.0, 0.5, 1.0, 2.0]), min_size=6, max_size=6),
        min_size=1,
        max_size=5,
    ),
    k=st.integers(1, 8),
)
@settings(max_examples=100)
def test_best_columns_equal_a_stable_sort(scores: list[list[float]], k: int) -> None:
    table = np.array(scores, dtype=np.float32)
    order = np.argsort(-table, axis=1, kind="stable")[:, :k]
    expected = np.full((len(table), k), -1)
    for line, columns in enumerate(order):
        kept = [column for column in columns if table[line, column] > -np.inf]
        expected[line, : len(kept)] = kept
    assert best_columns(table, k).tolist() == expected.tolist()


def test_blocks_of_users_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)
    ranked = ScoreRecommender(ContentKNN(vectors), popularity(list(range(20))))
    histories = Histories.from_lists([[user % 20, (3 * user) % 20] for user in range(11)])
    whole = top(ranked, histories, 5, "all")
    monkeypatch.setattr(score_recommender, "SCORES_AT_ONCE", 45)  # two users at a time
    assert (top(ranked, histories, 5, "all") == whole).all()


def test_vectors_of_another_catalog_are_refused() -> None:
    with pytest.raises(EvaluationError, match="3 vectors for 4 items"):
        ContentKNN(np.eye(3, dtype=np.float32)).fit(log([(0, 0)], 1), shop(4))


def test_scores_of_another_catalog_are_refused() -> None:
    ranked = ScoreRecommender(Fixed([1, 2, 3]), popularity([1, 1, 1, 1]))
    with pytest.raises(EvaluationError, match="fit it on this catalog"):
        top(ranked, Histories.from_lists([[]]), 2, "all")


@pytest.mark.parametrize("baseline", [PopularityBaseline(), RandomBaseline()])
def test_an_unfitted_baseline_says_so(baseline: PopularityBaseline | RandomBaseline) -> None:
    with pytest.raises(EvaluationError, match="never fitted"):
        baseline.scores(Histories.from_lists([[]]))
