"""The k best of a list, by a bounded heap: compiled, and the same answer on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled


@compiled
def _sink(
    values: NDArray[np.float32], rows: NDArray[np.int64], size: int, value: float, row: int
) -> None:
    """Put (value, row) in the place of the top, as far down as worse ones have to come up."""
    place = 0
    while 2 * place + 1 < size:
        below = 2 * place + 1
        right = below + 1
        if right < size and (
            values[right] < values[below]
            or (values[right] == values[below] and rows[right] > rows[below])
        ):
            below = right
        if values[below] > value or (values[below] == value and rows[below] < row):
            break
        values[place], rows[place] = values[below], rows[below]
        place = below
    values[place], rows[place] = value, row


@compiled
def offer(
    values: NDArray[np.float32], rows: NDArray[np.int64], size: int, value: float, row: int
) -> int:
    """Put (value, row) into a heap of the best so far if it belongs there; return its new size.

    ``values`` and ``rows`` [k] hold the heap in their first ``size`` places, the worst at the
    top: of equal values the one with the largest row. Rows must be offered in ascending order.
    """
    k = len(values)
    if size < k:
        place = size
        while place > 0:
            above = (place - 1) // 2
            # An equal value further up has a smaller row, and is the better one.
            if values[above] < value:
                break
            values[place], rows[place] = values[above], rows[above]
            place = above
        values[place], rows[place] = value, row
        return size + 1
    if k == 0 or not value > values[0]:
        return size
    _sink(values, rows, k, value, row)
    return size


@compiled
def empty_into(
    values: NDArray[np.float32],
    rows: NDArray[np.int64],
    size: int,
    best_values: NDArray[np.float32],
    best_rows: NDArray[np.int64],
) -> None:
    """Write what a heap holds into two lists, best first, ties by row; what's left stays."""
    while size > 0:
        size -= 1
        best_values[size], best_rows[size] = values[0], rows[0]
        value, row = values[size], rows[size]
        _sink(values, rows, size, value, row)


@compiled
def best_of_rows(
    scores: NDArray[np.float32],
    k: int,
    allowed: NDArray[np.bool_],
    exclusions: NDArray[np.int64],
    first: int,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
) -> None:
    """Fill rows and values [m, k] with the k best allowed columns of each line of scores [m, n].

    ``exclusions`` are ascending keys ``(first + line) * n + column``; ``allowed`` bool [n], or
    empty for all. Best first, ties by column; places without an answer keep what they hold.
    """
    m, n = scores.shape
    heap_values, heap_rows = np.empty(k, np.float32), np.empty(k, np.int64)
    everything = len(allowed) == 0
    place = np.searchsorted(exclusions, first * n)
    for line in range(m):
        size = 0
        start = (first + line) * n
        following = exclusions[place] - start if place < len(exclusions) else n
        for column in range(n):
            if column == following:
                while place < len(exclusions) and exclusions[place] == start + column:
                    place += 1
                following = exclusions[place] - start if place < len(exclusions) else n
                continue
            value = scores[line, column]
            if (size < k or value > heap_values[0]) and (everything or allowed[column]):
                size = offer(heap_values, heap_rows, size, value, column)
        empty_into(heap_values, heap_rows, size, values[line], rows[line])
