"""How much of a history is worth reading, by validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.features.history_scores import LAST, SLOW_DECAY
from longtail.training.validation import ValidationSet, measure

# Past items tried; the last stands for whole histories.
WHOLE = 1_000_000
LENGTHS = (LAST, 50, 200, WHOLE)
DECAYS = (0.8, SLOW_DECAY, 1.0)
# Of towers, whose attention and gradients take memory and time for every past item.
LONGEST_WINDOW = 50
# A longer history is tried where that share of the validation users has one.
SHARE_OF_USERS = 0.1
# Of the validation balance: what a longer history must bring to be read.
LEAST_GAIN = 0.01


@dataclass(frozen=True)
class HistoryLength:
    """How many past items are read, and what validation said of it.

    Attributes:
        items: past items.
        decay: the best recency weights of a sum over them, ``decay ** age``.
        report: what was tried, ready for JSON; empty where nothing was.
    """

    items: int
    decay: float = DECAYS[0]
    report: dict[str, Any] = field(default_factory=dict)


def lengths_to_try(validation: ValidationSet, longest: int = WHOLE) -> list[int]:
    """Return the lengths that enough validation users can tell apart, the shortest first."""
    sizes = np.diff(validation.known.offsets)
    tried = [LAST]
    for length in LENGTHS[1:]:
        if length <= longest and len(sizes) and (sizes > tried[-1]).mean() >= SHARE_OF_USERS:
            tried.append(length)
    return tried


def choose_length(tried: Sequence[int], balance_of: Callable[[int, float], float]) -> HistoryLength:
    """Return the length whose best decay balances overall and tail best on validation.

    ``balance_of`` measures a length with a decay. A longer one must be better by `LEAST_GAIN`.
    With one length to try nothing is measured.

    >>> choose_length([20, 50], lambda items, decay: items * decay).items
    50
    """
    if len(tried) == 1:
        return HistoryLength(tried[0])
    began = time.monotonic()
    balance = {(n, decay): balance_of(n, decay) for n in tried for decay in DECAYS}
    best_decay = {n: max(DECAYS, key=lambda decay: balance[n, decay]) for n in tried}
    chosen = tried[0]
    for length in tried[1:]:
        reached = balance[chosen, best_decay[chosen]] * (1 + LEAST_GAIN)
        if balance[length, best_decay[length]] > reached:
            chosen = length
    report = {
        "last": chosen,
        "balance": {f"{n} items, decay {d:g}": round(b, 5) for (n, d), b in balance.items()},
        "seconds": round(time.monotonic() - began, 1),
    }
    return HistoryLength(chosen, best_decay[chosen], report)


def choose_window(
    history_vectors: NDArray[np.float32],
    vectors: NDArray[np.float32],
    validation: ValidationSet,
    popularity: Popularity,
) -> HistoryLength:
    """Return what the user tower reads: the length whose decayed sums rank validation best.

    ``history_vectors`` [n, d] are items as past ones, offsets included, ``vectors`` [n, d] the
    candidates'.
    """

    def balance_of(length: int, decay: float) -> float:
        users = _decayed_sums(validation.known, history_vectors, length, decay)
        return measure(
            users, vectors, validation, popularity, temperature=1.0, popularity_weights=(0.0,)
        )[0].balance

    return choose_length(lengths_to_try(validation, LONGEST_WINDOW), balance_of)


def _decayed_sums(
    histories: Histories, vectors: NDArray[np.float32], length: int, decay: float
) -> NDArray[np.float32]:
    """Return the unit sum of ``decay ** age * vector`` of each history's last items, [m, d]."""
    sizes = np.diff(histories.offsets)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    age = histories.offsets[1:][owner] - 1 - np.arange(len(owner))
    weight = np.where(age < length, decay**age, 0.0).astype(np.float32)
    sums = sp.csr_matrix((weight, (owner, histories.items)), shape=(len(sizes), len(vectors)))
    users = torch.from_numpy(np.asarray(sums @ vectors, np.float32))
    return torch.nn.functional.normalize(users, dim=-1).numpy()
