"""Causal attention within histories that lie one after the other, without padding: compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled_sums


@compiled_sums
def attend(
    queries: NDArray[np.float32],
    places: NDArray[np.int64],
    keys_values: NDArray[np.float32],
    starts: NDArray[np.int64],
    heads: int,
    out: NDArray[np.float32],
) -> None:
    """Fill out [q, d] with what each query sees of the places of its history up to its own.

    Scaled dot-product attention (Vaswani et al., "Attention Is All You Need", NeurIPS 2017).
    Query i, ``queries[i]`` [d], stands at place ``places[i]``, ascending; history h has the places
    ``starts[h]:starts[h + 1]``; ``keys_values`` [places, 2 d] holds the key and then the value of
    each.
    """
    width = queries.shape[1]
    part = width // heads
    scale = np.float32(1.0 / np.sqrt(part))
    longest = 0
    for history in range(len(starts) - 1):
        longest = max(longest, starts[history + 1] - starts[history])
    weight = np.empty(longest, np.float32)
    history = 0
    for i in range(len(places)):
        end = places[i] + 1
        while starts[history + 1] < end:
            history += 1
        start = starts[history]
        for head in range(heads):
            first = head * part
            highest = np.float32(-np.inf)
            for place in range(start, end):
                product = np.float32(0.0)
                for x in range(first, first + part):
                    product += queries[i, x] * keys_values[place, x]
                product *= scale
                weight[place - start] = product
                highest = max(highest, product)
            total = np.float32(0.0)
            for place in range(start, end):
                weight[place - start] = np.exp(weight[place - start] - highest)
                total += weight[place - start]
            for x in range(first, first + part):
                out[i, x] = 0.0
            for place in range(start, end):
                share = weight[place - start] / total
                for x in range(first, first + part):
                    out[i, x] += share * keys_values[place, width + x]
