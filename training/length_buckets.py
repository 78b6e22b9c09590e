"""Texts of like length in one pass: attention and matrix products over padding are wasted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def length_buckets(lengths: NDArray[np.int64], tokens_per_pass: int) -> list[NDArray[np.int64]]:
    """Return the positions of texts in passes of like length, the longest texts first.

    ``lengths`` int64 [n], in tokens. A pass holds at most ``tokens_per_pass`` tokens, padding to
    its longest text included, or a single text that is longer. Each position stands in one pass.

    >>> [part.tolist() for part in length_buckets(np.array([3, 9, 3, 8, 2]), 18)]
    [[1, 3], [0, 2, 4]]
    """
    order = np.argsort(-lengths, kind="stable")
    parts = []
    start = 0
    while start < len(order):
        # An empty text still takes the place of one padding token.
        longest = max(int(lengths[order[start]]), 1)
        end = start + max(1, tokens_per_pass // longest)
        parts.append(order[start:end])
        start = end
    return parts
