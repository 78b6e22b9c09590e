"""The k best of a list: against a full sort, ties and all."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.kernels.top_k import best_of_rows, empty_into, offer


@settings(max_examples=200)
@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(0, 12))
def test_a_heap_keeps_the_best_and_of_equals_the_first(values: list[int], k: int) -> None:
    heap, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    size = 0
    for row, value in enumerate(values):
        size = offer(heap, rows, size, np.float32(value), row)
    best, at = np.empty(k, np.float32), np.full(k, -1, np.int64)
    empty_into(heap, rows, size, best, at)
    expected = np.argsort(-np.array(values, np.float32), kind="stable")[:k]
    assert at[:size].tolist() == expected.tolist()
    assert best[:size].tolist() == [values[row] for row in expected]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 30), st.integers(1, 9))
def test_lines_of_a_table_are_cut_to_what_may_come(seed: int, m: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(-4, 4, (m, n)).astype(np.float32)
    allowed = rng.random(n) < 0.6
    first = int(rng.integers(0, 3))
    exclusions = np.flatnonzero(rng.random((m + first + 1) * n) < 0.3)
    rows, values = np.full((m, k), -1, np.int64), np.full((m, k), -np.inf, np.float32)
    best_of_rows(scores, k, allowed, exclusions, first, rows, values)
    for line in range(m):
        wanted = [
            column
            for column in np.argsort(-scores[line], kind="stable")
            if allowed[column] and (first + line) * n + column not in exclusions
        ][:k]
        assert rows[line].tolist() == wanted + [-1] * (k - len(wanted))
        assert values[line][: len(wanted)].tolist() == scores[line, wanted].tolist()
