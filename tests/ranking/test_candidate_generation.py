"""Which items are worth scoring: unions, nearest items, and what they may never hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.history_scores import HistoryScores
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.user_state import SequenceScores
from longtail.retrieval.ranking.candidate_generation import (
    BY_SEQUENCE,
    LED,
    LED_TAIL,
    from_behaviour,
    union,
)

NOTHING = np.empty(0, np.int64)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(1, 3), st.integers(1, 15))
def test_a_union_holds_each_row_of_any_list_once_in_order(
    seed: int, m: int, n_lists: int, n_items: int
) -> None:
    rng = np.random.default_rng(seed)
    lists = [rng.integers(-1, n_items, (m, rng.integers(0, 6))) for _ in range(n_lists)]
    found = union(lists, n_items)
    for user in range(m):
        rows = found[user][found[user] >= 0].tolist()
        wanted = {int(row) for part in lists for row in part[user] if row >= 0}
        assert rows == sorted(wanted)
        assert (found[user][len(rows) :] == -1).all()


class TestNearest:
    items = np.eye(4, dtype=np.float32)
    users = np.array([[0.9, 0.5, 0.1, -0.2], [0.0, 0.0, 1.0, 0.5]], np.float32)
    tower_scores = SequenceScores(users, items, np.array([0, 1, 6]))

    def test_the_highest_products_come_first(self) -> None:
        rows, values = self.tower_scores.nearest(2, None, NOTHING)
        assert rows.tolist() == [[0, 1], [2, 3]]
        assert values == pytest.approx(np.array([[0.9, 0.5], [1.0, 0.5]]))

    def test_bans_and_filters_leave_padding(self) -> None:
        allowed = np.array([True, True, True, False])
        rows, values = self.tower_scores.nearest(9, allowed, np.array([0, 6]))
        assert rows[0].tolist() == [1, 2, -1, -1]
        assert sorted(rows[1].tolist()) == [-1, -1, 0, 1]
        assert np.isneginf(values[rows < 0]).all()

    def test_the_highest_is_outside_the_history(self) -> None:
        assert self.tower_scores.highest == pytest.approx([0.1, 0.5])
        everything = replace(self.tower_scores, own=np.arange(8))
        assert everything.highest.tolist() == [1.0, 1.0]

    @pytest.mark.parametrize("block", [1, 9, 1_000])
    def test_blocks_of_users_answer_as_all_at_once(
        self, block: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("longtail.retrieval.features.user_state.BLOCK", block)
        rng = np.random.default_rng(4)
        items = rng.normal(size=(9, 3)).astype(np.float32)
        found = SequenceScores(rng.normal(size=(5, 3)).astype(np.float32), items, NOTHING)
        allowed, exclusions = rng.random(9) < 0.7, np.sort(rng.choice(45, 12, replace=False))
        table = found.users @ items.T
        assert found.cosines(np.tile([0, 8, 3], (5, 1))) == pytest.approx(
            table[:, [0, 8, 3]], abs=1e-6
        )
        table[:, ~allowed] = -np.inf
        table.ravel()[exclusions] = -np.inf
        rows, values = found.nearest(4, allowed, exclusions)
        assert values == pytest.approx(-np.sort(-table, axis=1)[:, :4], abs=1e-6)
        there = rows >= 0
        assert np.take_along_axis(table, np.maximum(rows, 0), axis=1)[there] == pytest.approx(
            values[there], abs=1e-6
        )


class TestSources:
    def test_behaviour_gives_the_tail_a_share_of_its_own(self) -> None:
        n = 400
        weights = np.zeros((n, n), np.float32)
        weights[0, 1:] = np.arange(n - 1, 0, -1)
        made = ItemWeights.from_rows(
            np.where(weights != 0, np.arange(n), -1).astype(np.int32), weights
        )
        matrix_scores = HistoryScores.of(made, Histories.from_lists([[0]]))
        everything, tail = np.ones(n, bool), np.arange(n) >= 300
        [led, own] = from_behaviour({"closed_form": matrix_scores}, everything, NOTHING, tail)
        assert led[0].tolist() == list(range(1, LED + 1))
        assert own[0].tolist() == list(range(300, 300 + LED_TAIL))
        [only] = from_behaviour({"closed_form": matrix_scores}, tail, NOTHING, None)
        assert set(only[0].tolist()) == set(range(300, 400))

    def test_sequences_give_what_they_expect(self) -> None:
        rng = np.random.default_rng(0)
        items = rng.normal(size=(80, 4)).astype(np.float32)
        users = rng.normal(size=(3, 4)).astype(np.float32)
        allowed = rng.random(80) < 0.9
        tower_scores = SequenceScores(users, items, NOTHING)
        found, _ = tower_scores.nearest(BY_SEQUENCE, allowed, np.array([5]))
        assert found.shape == (3, BY_SEQUENCE)
        assert 5 not in found[0]
        assert allowed[found[found >= 0]].all()
