"""How much of a history is worth reading, by validation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.features.history_scores import LAST
from longtail.training.validation import ValidationSet, measure

# Past items tried; the last stands for whole histories.
LENGTHS = (LAST, 50, 200, 10_000)
DECAYS = (0.8, 0.95, 0.99)
# What the towers' windows hold: attention and gradients over more would take the memory of all.
LONGEST_WINDOW, LONGEST_SEQUENCE = 50, 50
# A longer history is tried where that share of the validation users has one.
SHARE_OF_USERS = 0.1
# Of the validation balance: what a longer history must bring to be read.
LEAST_GAIN = 0.01


@dataclass(frozen=True)
class HistoryLength:
    """What is read of a history.

    Attributes:
        last: past items that item-to-item weights and texts are matched with.
        window: past items that the user tower reads.
        sequence: past items that a sequence tower reads.
        decay: where the user tower's recency weights start; None where settings say it.
        report: what was tried, ready for JSON; empty where nothing was.
    """

    last: int
    window: int
    sequence: int
    decay: float | None
    report: dict[str, Any]

    @classmethod
    def told(cls, window: int, sequence: int) -> HistoryLength:
        """Return lengths that the settings name."""
        return cls(max(LAST, window), window, sequence, None, {})


def choose_history_length(
    history_vectors: NDArray[np.float32],
    vectors: NDArray[np.float32],
    validation: ValidationSet,
    popularity: Popularity,
) -> HistoryLength:
    """Return the length whose decayed sums of past items rank validation best.

    ``history_vectors`` [n, d] are items as past ones, offsets included, ``vectors`` [n, d] the
    candidates'. Shorter lengths win unless a longer one is better by `LEAST_GAIN`. Where nearly
    all histories are short nothing is tried.
    """
    sizes = np.diff(validation.known.offsets)
    tried = [
        length
        for length, shorter in zip(LENGTHS, (0, *LENGTHS), strict=False)
        if length == LAST or (sizes > shorter).mean() >= SHARE_OF_USERS
    ]
    if len(tried) == 1 or not len(validation):
        return HistoryLength.told(LAST, LAST)
    began = time.monotonic()
    balance: dict[tuple[int, float], float] = {}
    for length in tried:
        for decay in DECAYS:
            users = _decayed_sums(validation.known, history_vectors, length, decay)
            whole = measure(
                users, vectors, validation, popularity, temperature=1.0, popularity_weights=(0.0,)
            )
            balance[length, decay] = whole[0].balance
    best_of = {n: max(DECAYS, key=lambda decay: balance[n, decay]) for n in tried}
    chosen = tried[0]
    for length in tried[1:]:
        if balance[length, best_of[length]] > balance[chosen, best_of[chosen]] * (1 + LEAST_GAIN):
            chosen = length
    report = {
        "last": chosen,
        "balance": {f"{n} x {d:g}": round(b, 5) for (n, d), b in balance.items()},
        "seconds": round(time.monotonic() - began, 1),
        "window_mb": round(min(chosen, LONGEST_WINDOW) * vectors.shape[1] * 4 / 2**20, 2),
    }
    if chosen == LAST:
        return HistoryLength(LAST, LAST, LAST, None, report)
    return HistoryLength(
        chosen,
        min(chosen, LONGEST_WINDOW),
        min(chosen, LONGEST_SEQUENCE),
        best_of[chosen],
        report,
    )


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
