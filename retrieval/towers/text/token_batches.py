"""Which texts share a batch: those of like length, up to a number of tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Of the texts that are left for a last batch.
ROUND = 8


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


def with_round_rest(batches: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Return the batches with the last of several cut in two, a round number of texts and a rest.

    oneDNN keeps what it made for each shape, for up to 1,024 of them, 70 kB each. Full batches
    have one shape a length; what is left of a chunk would be of another in every chunk.

    >>> [len(batch) for batch in with_round_rest([np.arange(40), np.arange(19)])]
    [40, 16, 3]
    """
    if len(batches) < 2:
        return batches
    *full, last = batches
    kept = len(last) - len(last) % ROUND
    return [*full, *(part for part in (last[:kept], last[kept:]) if len(part))]
