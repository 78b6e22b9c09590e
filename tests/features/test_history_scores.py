"""What item-to-item weights say of histories: sums, ranks and lists, against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.history_scores import DECAY, LAST, HistoryScores
from longtail.retrieval.features.item_weights import ItemWeights

NOTHING = np.empty(0, np.int64)
EVERYTHING = np.ones(5, bool)
# What follows items 0, 1 and 2 of five.
WEIGHTS = np.array(
    [
        [0.0, 0.5, 0.0, 1.0, 0.0],
        [0.25, 0.0, 0.0, 2.0, -1.0],
        [0.0, 0.0, 0.0, 0.0, 3.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ],
    np.float32,
)


def keys_of(scores: HistoryScores) -> NDArray[np.int64]:
    """Return ``user * n_items + row`` of each pair."""
    return (
        np.repeat(np.arange(scores.n_users), np.diff(scores.starts)) * scores.n_items + scores.rows
    )


def behaviour_of(weights: np.ndarray) -> ItemWeights:
    columns = np.where(weights != 0, np.arange(weights.shape[1]), -1).astype(np.int32)
    return ItemWeights.from_rows(columns, weights.astype(np.float32))


def dense(matrix_scores: HistoryScores, values: np.ndarray) -> np.ndarray:
    """Return a value of every pair as a full table, 0 where there is no pair."""
    out = np.zeros(matrix_scores.n_users * matrix_scores.n_items, values.dtype)
    out[keys_of(matrix_scores)] = values
    return out.reshape(matrix_scores.n_users, matrix_scores.n_items)


@pytest.fixture
def matrix_scores() -> HistoryScores:
    """Somebody who took 0 and then 1, somebody who took 2, and somebody new."""
    return HistoryScores.of(behaviour_of(WEIGHTS), Histories.from_lists([[0, 1], [2], []]))


class TestByHand:
    def test_sums_fade_with_age(self, matrix_scores: HistoryScores) -> None:
        assert dense(matrix_scores, matrix_scores.recent) == pytest.approx(
            np.array([[0.25, 0.4, 0, 2.8, -1], [0, 0, 0, 0, 3], [0] * 5])
        )
        assert dense(matrix_scores, matrix_scores.flat)[0] == pytest.approx([0.25, 0.5, 0, 3, -1])

    def test_an_item_taken_twice_counts_twice(self) -> None:
        found = HistoryScores.of(behaviour_of(WEIGHTS), Histories.from_lists([[0, 0]]), decay=0.5)
        assert dense(found, found.recent)[0] == pytest.approx(1.5 * WEIGHTS[0])

    def test_only_the_last_items_are_read_and_fade_as_told(self) -> None:
        histories = Histories.from_lists([[2, 0, 1]])
        found = HistoryScores.of(behaviour_of(WEIGHTS), histories, decay=0.5, last=2)
        expected = WEIGHTS[1] + 0.5 * WEIGHTS[0]
        assert dense(found, found.recent)[0] == pytest.approx(expected)

    def test_best_newest_and_second_are_single_weights(self, matrix_scores: HistoryScores) -> None:
        assert dense(matrix_scores, matrix_scores.best)[0].tolist() == [0.25, 0.5, 0, 2, -1]
        assert dense(matrix_scores, matrix_scores.newest)[0].tolist() == [0.25, 0, 0, 2, -1]
        assert dense(matrix_scores, matrix_scores.second)[0].tolist() == [0, 0.5, 0, 1, 0]

    def test_what_the_user_has_is_marked_and_ranks_past_the_end(
        self, matrix_scores: HistoryScores
    ) -> None:
        assert dense(matrix_scores, matrix_scores.own)[0].tolist() == [
            True,
            True,
            False,
            False,
            False,
        ]
        ranks = dict(
            zip(keys_of(matrix_scores).tolist(), matrix_scores.ranks.tolist(), strict=True)
        )
        assert ranks == {0: 5, 1: 5, 3: 0, 4: 1, 9: 0}
        assert matrix_scores.highest == pytest.approx([2.8, 3, 0])

    def test_moments_are_over_the_whole_catalog(self, matrix_scores: HistoryScores) -> None:
        mean, deviation = matrix_scores.moments
        table = dense(matrix_scores, matrix_scores.recent)
        assert mean == pytest.approx(table.mean(axis=1))
        assert deviation == pytest.approx(table.std(axis=1))

    def test_an_item_taken_before_those_read_is_still_the_user_s_own(self) -> None:
        long = [3, *([0] * LAST)]
        found = HistoryScores.of(behaviour_of(WEIGHTS), Histories.from_lists([long]))
        assert found.own[keys_of(found) == 3].tolist() == [True]

    def test_nobody_and_nothing_are_empty(self) -> None:
        for lists in ([], [[]], [[3]]):
            found = HistoryScores.of(behaviour_of(WEIGHTS), Histories.from_lists(lists))
            assert len(keys_of(found)) == len(found.best) == len(found.ranks) == 0
            assert found.highest.tolist() == [0.0] * len(lists)
            assert found.top(2, EVERYTHING, NOTHING).shape == (len(lists), 2)
            rows = np.zeros((len(lists), 3), np.int64)
            assert (found.positions(rows) == -1).all()


class TestTop:
    def test_it_gives_positive_scores_only_and_never_what_was_taken(
        self, matrix_scores: HistoryScores
    ) -> None:
        assert matrix_scores.top(2, EVERYTHING, NOTHING).tolist() == [[3, -1], [4, -1], [-1, -1]]

    def test_bans_and_filters_hold(self, matrix_scores: HistoryScores) -> None:
        assert matrix_scores.top(1, EVERYTHING, np.array([3])).tolist() == [[-1], [4], [-1]]
        assert matrix_scores.top(1, np.arange(5) != 4, NOTHING).tolist() == [[3], [-1], [-1]]

    def test_equals_come_by_row(self) -> None:
        weights = np.zeros((4, 4), np.float32)
        weights[0] = [0, 1, 1, 1]
        found = HistoryScores.of(behaviour_of(weights), Histories.from_lists([[0]]))
        assert found.top(2, np.ones(4, bool), NOTHING).tolist() == [[1, 2]]


class TestAgainstDenseArithmetic:
    @settings(max_examples=40)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 5), st.integers(1, 6))
    def test_every_number_is_what_a_full_matrix_gives(
        self, seed: int, n_items: int, n_users: int, k: int
    ) -> None:
        rng = np.random.default_rng(seed)
        kept = rng.random((n_items, n_items)) < 0.5
        weights = (rng.normal(size=kept.shape) * kept).astype(np.float32)
        lists = [rng.integers(0, n_items, rng.integers(0, 30)).tolist() for _ in range(n_users)]
        found = HistoryScores.of(behaviour_of(weights), Histories.from_lists(lists))
        recent = np.zeros((n_users, n_items))
        flat, newest, second = recent.copy(), recent.copy(), recent.copy()
        best = np.full(recent.shape, -np.inf)
        for user, items in enumerate(lists):
            for age, item in enumerate(items[::-1][:LAST]):
                recent[user] += DECAY**age * weights[item]
                flat[user] += weights[item]
                best[user] = np.maximum(best[user], np.where(kept[item], weights[item], -np.inf))
                newest[user] += weights[item] * (age == 0)
                second[user] += weights[item] * (age == 1)
        pairs = np.isfinite(best)
        assert keys_of(found).tolist() == np.flatnonzero(pairs).tolist()
        own = np.zeros(recent.shape, bool)
        for user, items in enumerate(lists):
            own[user, items] = True
        assert found.own.tolist() == own[pairs].tolist()
        for name, table in (
            ("recent", recent),
            ("flat", flat),
            ("best", best),
            ("newest", newest),
            ("second", second),
        ):
            assert getattr(found, name) == pytest.approx(table[pairs], abs=1e-4), name
        mean, deviation = found.moments
        assert mean == pytest.approx(recent.mean(axis=1), abs=1e-4)
        assert deviation == pytest.approx(recent.std(axis=1), abs=1e-3)
        allowed = rng.random(n_items) < 0.8
        exclusions = np.sort(rng.choice(n_users * n_items, n_users * n_items // 4, replace=False))
        mask = (
            pairs
            & ~own
            & allowed
            & ~np.isin(np.arange(pairs.size), exclusions).reshape(pairs.shape)
        )
        table = dense(found, found.recent)
        for user, line in enumerate(found.top(k, allowed, exclusions)):
            rows = np.flatnonzero(mask[user] & (table[user] > 0))
            expected = rows[np.argsort(-table[user, rows], kind="stable")][:k].tolist()
            assert line.tolist() == expected + [-1] * (k - len(expected))
        rows = rng.integers(-1, n_items, (n_users, 4))
        place = found.positions(rows)
        for user in range(n_users):
            for row, at in zip(rows[user], place[user], strict=True):
                there = row >= 0 and pairs[user, row]
                assert (at >= 0) == there
                if there:
                    assert keys_of(found)[at] == user * n_items + row


def test_a_user_s_numbers_are_the_same_bits_in_any_company() -> None:
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(30, 30)).astype(np.float32)
    lists = [rng.integers(0, 30, 8).tolist() for _ in range(5)]
    together = HistoryScores.of(behaviour_of(weights), Histories.from_lists(lists))
    for user, items in enumerate(lists):
        alone = HistoryScores.of(behaviour_of(weights), Histories.from_lists([items]))
        part = keys_of(together) // together.n_items == user
        for name in ("recent", "flat", "best", "newest", "second", "own", "ranks"):
            assert getattr(together, name)[part].tobytes() == getattr(alone, name).tobytes(), name
        assert together.moments[0][user] == alone.moments[0][0]
        assert together.moments[1][user] == alone.moments[1][0]
