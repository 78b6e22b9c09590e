"""Which texts share a batch: those of like length, up to a number of tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def token_batches(lengths: NDArray[np.int64], tokens_per_batch: int) -> list[NDArray[np.int64]]:
    """Return the positions of all texts in batches, longest text first.

    A batch of b texts whose longest has t tokens costs b * t, padding included, and that is at
    most ``tokens_per_batch``. A text that is longer than this has a batch of its own.

    >>> [batch.tolist() for batch in token_batches(np.array([2, 9, 3, 2]), 6)]
    [[1], [2, 0], [3]]
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        stop = start + max(tokens_per_batch // longest, 1)
        batches.append(order[start:stop])
        start = stop
    return batches
