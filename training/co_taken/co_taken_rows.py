"""What each item's text is to tell: whom it is taken with, as shares that sum to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.training.evidence.transitions import transition_counts

# Events of one user that count as taken together, each .8 of the one before it.
WINDOW = 20
FADE = 0.8
# Added to what an item is worth as a co-taker, so that the log of a rare one's share is tame.
SMOOTHING = 0.5


def co_taken_counts(histories: Histories, n_items: int) -> sp.csr_matrix:
    """Return how often two items were taken near each other, float32 [n_items, n_items].

    The sum over users and over places a < b, b - a <= 20, of ``0.8 ** (b - a - 1)``, in both
    directions; the diagonal is 0.

    >>> counts = co_taken_counts(Histories.from_lists([[0, 1, 2]]), 3).toarray()
    >>> counts.astype(float).round(2).tolist()
    [[0.0, 1.0, 0.8], [1.0, 0.0, 1.0], [0.8, 1.0, 0.0]]
    """
    after = transition_counts(histories, n_items, window=WINDOW, fade=FADE)
    both = sp.csr_matrix(after + after.T)
    both.sort_indices()
    return both


@dataclass(frozen=True)
class CoTakenRows:
    """The rows that teach, and how often each item is a co-taker.

    Attributes:
        counts: float32 [n, n], as `co_taken_counts` gives them.
    """

    counts: sp.csr_matrix

    @classmethod
    def of(cls, histories: Histories, n_items: int) -> CoTakenRows:
        """Return the rows of a log."""
        return cls(co_taken_counts(histories, n_items))

    def taught(self) -> NDArray[np.int64]:
        """Return the items that were taken with another one, in catalog order."""
        return np.flatnonzero(np.diff(self.counts.indptr) > 0)

    def log_share(self) -> NDArray[np.float32]:
        """Return the log of each item's share of all co-takers, float32 [n]; -inf without any.

        Added to the logits it keeps popularity out of the vectors.
        """
        weight = np.asarray(self.counts.sum(axis=0), np.float64).ravel()
        total = (weight + SMOOTHING).sum()
        with np.errstate(divide="ignore"):
            share = np.where(weight > 0, np.log((weight + SMOOTHING) / total), -np.inf)
        return share.astype(np.float32)

    def targets(self, rows: NDArray[np.int64]) -> CoTakenTargets:
        """Return what these items' texts are to tell."""
        part = sp.csr_matrix(self.counts[rows])
        sums = np.asarray(part.sum(axis=1), np.float32).ravel()
        place = np.repeat(np.arange(len(rows)), np.diff(part.indptr))
        weights = np.sqrt(sums)
        return CoTakenTargets(
            place=torch.from_numpy(place),
            item=torch.from_numpy(part.indices.astype(np.int64)),
            share=torch.from_numpy((part.data / sums[place]).astype(np.float32)),
            weight=torch.from_numpy((weights / weights.sum()).astype(np.float32)),
        )


@dataclass(frozen=True)
class CoTakenTargets:
    """The co-takers of the b texts of a step, one entry each, e in all.

    Attributes:
        place: whose co-taker it is, int64 [e], below b.
        item: its catalog row, int64 [e].
        share: of all co-takers of that text, float32 [e]; a text's shares sum to 1.
        weight: what each text counts in the step, float32 [b], the root of its co-takers'
            number; they sum to 1.
    """

    place: torch.Tensor
    item: torch.Tensor
    share: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> CoTakenTargets:
        """Return the targets on a device."""
        return CoTakenTargets(
            *(part.to(device) for part in (self.place, self.item, self.share, self.weight))
        )
