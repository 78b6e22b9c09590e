"""Batches of like length: no larger than the budget, and every text in one of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.towers.text.token_batches import ROUND, token_batches, with_round_rest

LENGTHS = st.lists(st.integers(0, 200), max_size=60)


@given(LENGTHS, st.integers(1, 400))
def test_every_text_is_in_one_batch(lengths: list[int], budget: int) -> None:
    batches = token_batches(np.array(lengths, np.int64), budget)
    found = np.concatenate(batches) if batches else np.empty(0, np.int64)
    assert sorted(found.tolist()) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 400))
def test_only_a_text_that_is_too_long_for_any_batch_exceeds_the_budget(
    lengths: list[int], budget: int
) -> None:
    sizes = np.array(lengths, np.int64)
    for batch in token_batches(sizes, budget):
        assert len(batch) * sizes[batch].max() <= budget or len(batch) == 1


def test_nothing_is_padded_where_the_lengths_come_in_groups() -> None:
    lengths = np.array([3, 9] * 40, np.int64)
    batches = token_batches(lengths, 36)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded == lengths.sum()
    assert lengths[np.concatenate(batches)].tolist() == [9] * 40 + [3] * 40, "longest first"


@given(LENGTHS, st.integers(1, 400))
def test_only_what_is_left_for_the_last_batch_is_cut_in_two(
    lengths: list[int], budget: int
) -> None:
    batches = token_batches(np.array(lengths, np.int64), budget)
    found = with_round_rest(batches)
    assert [batch.tolist() for batch in found[: len(batches) - 1]] == [
        batch.tolist() for batch in batches[:-1]
    ]
    rest = found[len(batches) - 1 :]
    left = [text for batch in batches[-1:] for text in batch.tolist()]
    assert [text for batch in rest for text in batch.tolist()] == left
    if len(rest) > 1:
        assert len(rest) == 2
        assert len(rest[0]) % ROUND == 0
        assert len(rest[1]) < ROUND


def test_a_catalog_of_many_chunks_has_few_shapes_of_batches() -> None:
    """Libraries keep something for each: there are as many after 50 chunks as after 200."""
    rng = np.random.default_rng(0)
    seen: set[tuple[int, int]] = set()
    counts = []
    for _ in range(200):
        lengths = rng.integers(10, 40, 1_024)
        for batch in with_round_rest(token_batches(lengths, 1_024)):
            seen.add((len(batch), int(lengths[batch].max())))
        counts.append(len(seen))
    assert counts[-1] <= 1.1 * counts[49]
