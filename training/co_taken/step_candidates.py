"""Which items a step's texts are told apart from: all, or of a large catalog a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.training.co_taken.co_taken_rows import CoTakenRows, CoTakenTargets

# Up to so many items every step has all of them.
LARGEST_WHOLE = 200_000


@dataclass(frozen=True)
class StepCandidates:
    """The candidates of a step, and where its texts and their co-takers are among them.

    Attributes:
        rows: catalog rows, int64 [c], ascending; None: all.
        places: of the step's texts, int64 [b].
        targets: whose ``item`` are places among the candidates.
        bias: added to the logits, float32 [c].
    """

    rows: torch.Tensor | None
    places: torch.Tensor
    targets: CoTakenTargets
    bias: torch.Tensor


class CandidateDraw:
    """Draws the candidates of steps: co-takers of the step's texts, the texts, and evenly others.

    What is popular is in almost every step, what is rare in few. The log of each item's chance
    to be in a step is taken off its logit (Bengio and Senecal, "Adaptive Importance Sampling",
    2008): else sampling would push popularity down.
    """

    def __init__(
        self, rows: CoTakenRows, texts_per_step: int, drawn: int, largest: int = LARGEST_WHOLE
    ) -> None:
        """``drawn`` items are drawn evenly where the catalog has more than ``largest``."""
        self._rows, self._drawn = rows, drawn
        self._n = rows.counts.shape[0]
        self.whole = self._n <= largest
        self._bias = rows.log_share()
        if not self.whole:
            texts = max(len(rows.taught()), 1)
            # Of a text drawn evenly: that it is the item, or has it among its co-takers.
            share = (np.diff(rows.counts.tocsc().indptr) + 1) / texts
            missed = np.log1p(-np.minimum(share, 0.999)) * texts_per_step
            missed += drawn * np.log1p(-1.0 / self._n)
            self._bias = self._bias - np.log(-np.expm1(missed)).astype(np.float32)

    def of(self, texts: NDArray[np.int64], rng: np.random.Generator) -> StepCandidates:
        """Return the candidates of a step of these texts, catalog rows [b]."""
        targets, places = self._rows.targets(texts), torch.from_numpy(texts)
        if self.whole:
            return StepCandidates(None, places, targets, torch.from_numpy(self._bias))
        drawn = rng.integers(0, self._n, self._drawn)
        rows = np.unique(np.concatenate([texts, targets.item.numpy(), drawn]))
        candidates = torch.from_numpy(rows)
        return StepCandidates(
            candidates,
            torch.searchsorted(candidates, places),
            replace(targets, item=torch.searchsorted(candidates, targets.item)),
            torch.from_numpy(self._bias[rows]),
        )
