"""What followed what, and who took both: weights by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.histories.histories import Histories
from longtail.training.evidence.cooccurrence import SHRINKAGE as CO_SHRINKAGE
from longtail.training.evidence.cooccurrence import cooccurrence
from longtail.training.evidence.transitions import (
    FADE,
    SHRINKAGE,
    WINDOW,
    followers,
    followers_by_text,
    transition_counts,
)
from longtail.training.trainer.examples import taken_matrix


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(1, 8))
def test_steps_are_counted_within_a_window_and_a_user(seed: int, m: int, n_items: int) -> None:
    rng = np.random.default_rng(seed)
    lists = [rng.integers(0, n_items, rng.integers(0, 9)).tolist() for _ in range(m)]
    expected = np.zeros((n_items, n_items))
    for items in lists:
        for a in range(len(items)):
            for b in range(a + 1, min(a + WINDOW, len(items) - 1) + 1):
                if items[a] != items[b]:
                    expected[items[a], items[b]] += FADE ** (b - a - 1)
    found = transition_counts(Histories.from_lists(lists), n_items).toarray()
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_step_to_a_rare_item_weighs_more() -> None:
    counts = sp.csr_matrix(np.array([[0, 2, 2], [0, 0, 1], [0, 0, 0]], np.float32))
    found = followers(counts, np.array([4, 9, 1]), 5).matrix.toarray()
    assert found[0] == pytest.approx([0, 2 / (3 * 4), 2 / (3 * 2)])
    assert found[1] == pytest.approx([0, 0, 1 / (4 * 2)])


def test_only_the_largest_steps_are_kept() -> None:
    counts = sp.csr_matrix(np.array([[0, 2, 5], [0, 0, 1], [0, 0, 0]], np.float32))
    found = followers(counts, np.array([1, 1, 1]), 1)
    assert found.matrix[0].indices.tolist() == [2]
    assert found.matrix[1].indices.tolist() == [2]


class TestByText:
    cosines = np.array([[0, 0.9, 0.2, 0], [0.9, 0, 0, 0], [0.2, 0, 0, 0.5], [0, 0, 0.5, 0]])
    steps = np.array([[0, 0, 3, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]], np.float32)

    def smooth(self) -> np.ndarray:
        weights = np.where(self.cosines > 0, np.exp(10 * self.cosines), 0)
        likes = 0.5 * np.eye(4) + 0.5 * weights / weights.sum(axis=1, keepdims=True)
        smooth = likes @ self.steps @ likes.T
        return smooth / (smooth.sum(axis=1, keepdims=True) + SHRINKAGE)

    def test_it_is_the_formula(self) -> None:
        near, steps = (sp.csr_matrix(x.astype(np.float32)) for x in (self.cosines, self.steps))
        found = followers_by_text(steps, near, 9).matrix.toarray()
        assert found == pytest.approx(self.smooth(), abs=1e-5)

    def test_an_item_nobody_took_follows_what_its_likes_follow(self) -> None:
        near, steps = (sp.csr_matrix(x.astype(np.float32)) for x in (self.cosines, self.steps))
        found = followers_by_text(steps, near, 9).matrix.toarray()
        # Nobody took 1, which is like 0; 2 follows 0; 3 is like 2.
        assert found[1].argmax() == 2
        assert found[1, 3] > 0

    def test_the_given_neighbours_stay_as_they_were(self) -> None:
        near = sp.csr_matrix(self.cosines.astype(np.float32))
        followers_by_text(sp.csr_matrix(self.steps), near, 2)
        assert near.toarray() == pytest.approx(self.cosines)

    def test_blocks_leave_no_seam(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("longtail.training.evidence.transitions.ROWS_AT_ONCE", 1)
        self.test_it_is_the_formula()


class TestCoTaken:
    @pytest.mark.parametrize("rows", [2, 1_000])
    def test_it_is_the_shrunk_cosine(self, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("longtail.training.evidence.cooccurrence.ROWS_AT_ONCE", rows)
        lists = [[0, 1, 2], [0, 1], [0, 3], [4], [1, 2]]
        taken = taken_matrix(Histories.from_lists(lists), 6)
        x = taken.toarray().astype(float)
        together = x.T @ x
        counts = np.diag(together)
        expected = together / (np.sqrt(np.outer(counts, counts)) + CO_SHRINKAGE)
        np.fill_diagonal(expected, 0)
        assert cooccurrence(taken, 9).matrix.toarray() == pytest.approx(expected, abs=1e-6)

    def test_only_the_largest_are_kept(self) -> None:
        taken = taken_matrix(Histories.from_lists([[0, 1, 2], [0, 1]]), 3)
        assert cooccurrence(taken, 1).matrix[0].indices.tolist() == [1]
