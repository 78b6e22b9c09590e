"""What is known of some users, worked out once and asked about any candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.interactions import Histories
from retrieval.trace import Trace


@dataclass(frozen=True)
class Expectation:
    """What a sequence tower expects next of m users.

    Attributes:
        users: unit vectors, zero without a history, float32 [m, d].
        items: unit vectors of the whole catalog, float32 [n, d].
        highest: each user's best cosine outside the history, float32 [m].
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    highest: NDArray[np.float32]


@dataclass(frozen=True)
class Taste:
    """What is known of m users.

    Attributes:
        histories: their past items, oldest first.
        vectors: unit user vectors, zero where nothing is known, float32 [m, d].
        matches: vectors of the last items, newest first, zero-padded, float32 [m, l, d].
        lengths: filled places of `matches`, int32 [m].
        log_counts: mean log(1 + training count) of the whole history, float32 [m].
        mean, deviation: of the cosine of the user with every item of the catalog, float32 [m].
        traces: what each item-to-item matrix says, by its name.
        expectations: what each sequence tower expects, by its name.
    """

    histories: Histories
    vectors: NDArray[np.float32]
    matches: NDArray[np.float32]
    lengths: NDArray[np.int32]
    log_counts: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    traces: Mapping[str, Trace] = field(default_factory=dict)
    expectations: Mapping[str, Expectation] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vectors)
