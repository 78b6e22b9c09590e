"""What users looked at and rejected, as columns."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import REJECTED, SEEN, TAKEN
from longtail.retrieval.features.beside.beside_state import DECAY, BesideState, Columns

# Items 0 and 1 are alike, and so are 2 and 3.
VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1], [-0.6, 0.8]], np.float32)
ROWS = np.array([[0, 1, 2, 3, -1], [0, 1, 2, 3, -1]])


def columns_of(*events: tuple[int, int, int]) -> Columns:
    """Return the columns of two users' candidates after (user, item, meaning) in time."""
    user, item, label = np.array(sorted(events, key=lambda event: event[0])).T
    log = Interactions(
        user_ids=np.array(["u0", "u1"], dtype=object),
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        time=np.arange(len(user), dtype=np.int64),
        has_clock=True,
        label=label.astype(np.int8),
    )
    beside = Histories.from_interactions(log).beside
    assert beside is not None
    state = BesideState.of(beside, lambda rows: VECTORS[rows], len(VECTORS))
    return state.columns(ROWS, VECTORS, np.maximum(ROWS, 0))


def test_a_look_fades_with_what_came_after_it_and_counts_as_often_as_it_was() -> None:
    found = columns_of((0, 1, SEEN), (0, 3, TAKEN), (0, 2, SEEN), (0, 2, SEEN), (1, 0, TAKEN))
    assert found["seen_lately"][0] == pytest.approx([0, DECAY**3, 1, 0, 0])
    assert found["seen_often"][0] == pytest.approx([0, np.log(2), np.log(3), 0, 0])
    assert not found["seen_lately"][1].any()


def test_candidates_are_like_what_was_looked_at() -> None:
    found = columns_of((0, 0, SEEN), (0, 2, SEEN), (1, 3, TAKEN))
    assert found["seen_match"][0, :4] == pytest.approx([1, 0.8, 1, 0.8])
    assert not found["seen_match"][1].any()


def test_candidates_are_like_what_was_rejected() -> None:
    found = columns_of((0, 2, TAKEN), (0, 0, REJECTED), (1, 1, SEEN))
    assert found["rejected_match"][0, :4] == pytest.approx([1, 0.8, 0, -0.6])
    assert not found["rejected_match"][1].any()
