"""The compiled loop of boosted trees: thresholds and leaf masks to sums of leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled

# Pairs that go through the trees together: their masks are one compiled loop's registers, and
# their evidence stays in the first cache.
PAIRS = 128

# The lowest bit that is set in each mask; 0 for the empty one.
FIRST_BIT = np.array([max((mask & -mask).bit_length(), 1) - 1 for mask in range(1 << 16)], np.uint8)


@compiled
def sum_leaves(
    evidence: NDArray[np.float32],
    edges: NDArray[np.float32],
    feature: NDArray[np.int32],
    edge: NDArray[np.int16],
    mask: NDArray[np.uint16],
    starts: NDArray[np.int32],
    models: NDArray[np.int32],
    leaves: NDArray[np.float64],
    first_bit: NDArray[np.uint8],
    out: NDArray[np.float64],
) -> None:
    """Fill out [g, p] with each model's sums of leaves, of evidence [p, f]; NaN is read as 0.

    The tables are those of `TreeTables`; ``first_bit`` is `FIRST_BIT`, which a compiled loop
    takes as an argument.
    """
    width, length = edges.shape
    places = np.zeros((width, PAIRS), np.int16)
    left = np.empty(PAIRS, np.uint16)
    total = np.empty(PAIRS, np.float64)
    place = np.empty(PAIRS, np.uint32)
    value = np.zeros(PAIRS, np.float32)
    for begin in range(0, len(evidence), PAIRS):
        count = min(PAIRS, len(evidence) - begin)
        for column in range(width):
            for i in range(count):
                number = evidence[begin + i, column]
                value[i] = number if number == number else np.float32(0.0)
            place[:] = 0
            line = edges[column]
            step = np.uint32(length // 2)
            while step > 0:
                before = step - np.uint32(1)
                for i in range(PAIRS):
                    place[i] += step if line[place[i] + before] < value[i] else np.uint32(0)
                step = np.uint32(step // np.uint32(2))
            for i in range(PAIRS):
                places[column, i] = place[i]
        for model in range(len(models) - 1):
            total[:] = 0.0
            for tree in range(models[model], models[model + 1]):
                left[:] = 0xFFFF
                for node in range(starts[tree], starts[tree + 1]):
                    limit, keep = edge[node], mask[node]
                    row = places[feature[node]]
                    for i in range(PAIRS):
                        left[i] &= keep if row[i] > limit else np.uint16(0xFFFF)
                for i in range(PAIRS):
                    total[i] += leaves[tree, first_bit[left[i]]]
            out[model, begin : begin + count] = total[:count]
