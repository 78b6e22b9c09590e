"""The compiled loops of history scores: a user at a time, in memory that fits a cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled
from longtail.retrieval.kernels.top_k import empty_into, offer

RECENT, FLAT, BEST, NEWEST, SECOND = range(5)
# Only of long histories.
SLOW, SITTING = 5, 6
# Where the lowest bit of a word is: of a de Bruijn sequence every six bits in a row differ.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT = np.zeros(64, np.int64)
for _place in range(64):
    _BIT[(((1 << _place) * int(_DE_BRUIJN)) & 0xFFFF_FFFF_FFFF_FFFF) >> 58] = _place


@compiled
def add_up(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    last: int,
    fades: NDArray[np.float32],
    offsets: NDArray[np.int64],
    items: NDArray[np.int32],
    sittings: NDArray[np.int64],
    known: NDArray[np.bool_],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    sums: NDArray[np.float32],
    in_history: NDArray[np.bool_],
    totals: NDArray[np.float64],
    highest: NDArray[np.float32],
) -> None:
    """Add up each user's lines of a sparse matrix, entry by entry, in ascending columns.

    Reads the ``last`` items of each history, ``fades`` [2, ages] (weight by age in RECENT and in
    SLOW, 0 beyond), the length of each newest sitting [m] and which items are known [n]; fills
    what `HistoryScores` holds (``sums`` [5 or 7, e] in the order of the constants above;
    ``totals`` [2, m]: sum of `recent` and of its square). Additions go from the newest past item
    to the oldest, so a user's sums are the same bits in any company.
    """
    n_items = len(indptr) - 1
    long, ages = len(sums) > SLOW, fades.shape[1]
    slot = np.full(n_items, -1, np.int32)
    touched = np.zeros(n_items // 64 + 1, np.uint64)
    one = np.uint64(1)
    end = 0
    for user in range(len(offsets) - 1):
        first = end
        for age in range(min(last, offsets[user + 1] - offsets[user])):
            line = items[offsets[user + 1] - 1 - age]
            fade = fades[0, age] if age < ages else np.float32(0.0)
            slow = fades[1, age] if age < ages else np.float32(0.0)
            sitting = age < sittings[user]
            for entry in range(indptr[line], indptr[line + 1]):
                column, weight = columns[entry], values[entry]
                place = slot[column]
                if place < 0:
                    place = np.int32(end)
                    slot[column] = place
                    touched[column >> 6] |= one << np.uint64(column & 63)
                    end += 1
                    sums[RECENT, place] = fade * weight
                    sums[FLAT, place] = weight
                    sums[BEST, place] = weight
                    sums[NEWEST, place] = np.float32(0.0)
                    sums[SECOND, place] = np.float32(0.0)
                    if long:
                        sums[SLOW, place] = sums[SITTING, place] = np.float32(0.0)
                else:
                    sums[RECENT, place] += fade * weight
                    sums[FLAT, place] += weight
                    sums[BEST, place] = max(sums[BEST, place], weight)
                if age == 0:
                    sums[NEWEST, place] = weight
                elif age == 1:
                    sums[SECOND, place] = weight
                if long:
                    sums[SLOW, place] += slow * weight
                    if sitting:
                        sums[SITTING, place] += weight
        starts[user + 1] = end
        order = np.empty(end - first, np.int32)
        count = 0
        for word in range(len(touched)):
            bits = touched[word]
            while bits:
                low = bits & (~bits + one)
                column = word * 64 + _BIT[(low * _DE_BRUIJN) >> np.uint64(58)]
                bits ^= low
                rows[first + count] = column
                order[count] = slot[column]
                slot[column] = np.int32(first + count)
                count += 1
            touched[word] = np.uint64(0)
        for kind in range(len(sums)):
            sums[kind, first:end] = sums[kind][order]
        in_history[first:end] = False
        for place in range(offsets[user], offsets[user + 1]):
            if slot[items[place]] >= 0:
                in_history[slot[items[place]]] = True
        for place in range(first, end):
            slot[rows[place]] = -1
            if not known[rows[place]]:
                continue
            value = sums[RECENT, place]
            totals[0, user] += value
            totals[1, user] += np.float64(value) * np.float64(value)
            if not in_history[place] and value > highest[user]:
                highest[user] = value


@compiled
def pick_best(
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    recent: NDArray[np.float32],
    in_history: NDArray[np.bool_],
    n_items: int,
    allowed: NDArray[np.bool_],
    exclusions: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Fill out [m, k] with each user's best allowed rows above 0, ties by row."""
    m, k = out.shape
    heap_values, heap_rows = np.empty(k, np.float32), np.empty(k, np.int64)
    best = np.empty(k, np.float32)
    at = 0
    for user in range(m):
        size = 0
        for place in range(starts[user], starts[user + 1]):
            value, row = recent[place], rows[place]
            if not value > 0 or in_history[place] or (size == k and not value > heap_values[0]):
                continue
            if not allowed[row]:
                continue
            key = user * n_items + row
            while at < len(exclusions) and exclusions[at] < key:
                at += 1
            if at < len(exclusions) and exclusions[at] == key:
                continue
            size = offer(heap_values, heap_rows, size, value, row)
        empty_into(heap_values, heap_rows, size, best, out[user])


@compiled
def look_up(
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    n_items: int,
    targets: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Fill out [m, c] with where each wanted row is among its user's pairs, -1 where it isn't."""
    slot = np.full(n_items, -1, np.int64)
    for user in range(len(targets)):
        for place in range(starts[user], starts[user + 1]):
            slot[rows[place]] = place
        for column in range(targets.shape[1]):
            row = targets[user, column]
            out[user, column] = slot[row] if row >= 0 else -1
        for place in range(starts[user], starts[user + 1]):
            slot[rows[place]] = -1
