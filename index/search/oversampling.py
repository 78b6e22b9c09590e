"""How many candidates to ask for, so that k answers stay when the excluded ones are dropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fetch_sizes(needed: NDArray[np.int64], available: int) -> NDArray[np.int64]:
    """Return how many to ask FAISS for: a quarter and 16 more, rounded up to a power of two.

    The surplus lets the k-th answer be told from what was left out; the powers of two make
    few groups, so that one user with 10,000 seen items costs nobody else anything.

    >>> fetch_sizes(np.array([10, 48, 10_000]), 50_000).tolist()
    [32, 128, 16384]
    """
    sizes = needed + needed // 4 + 16
    return np.asarray(np.minimum(power_of_two(sizes), available), dtype=np.int64)


def power_of_two(least: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the powers of two at or above these numbers; 0 stays 0.

    >>> power_of_two(np.array([0, 1, 3, 64])).tolist()
    [0, 1, 4, 64]
    """
    powers = 2 ** np.ceil(np.log2(np.maximum(least, 1))).astype(np.int64)
    return np.where(least > 0, powers, 0).astype(np.int64)
