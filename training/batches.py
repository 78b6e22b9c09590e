"""From example numbers to a batch: unique items once, and everything else as positions in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch

from training.examples import NextItemExamples


class ContrastiveCollator:
    """Builds batches for `TwoTower`.

    Candidates are the batch's targets (negatives of one another) and ``uniform_negatives``
    items drawn evenly from the catalog. Every distinct item of the batch, history or
    candidate, stands once in ``items``, so that a tower encodes it once.
    """

    def __init__(
        self,
        examples: NextItemExamples,
        taken: sp.csr_matrix,
        *,
        uniform_negatives: int,
        history_dropout: float,
        seed: int,
    ) -> None:
        self.examples = examples
        self.taken = taken
        self.n_items = int(taken.shape[1])
        self.uniform_negatives = min(uniform_negatives, self.n_items)
        self.history_dropout = history_dropout
        self.rng = np.random.default_rng(seed)

    def __call__(self, numbers: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the batch.

        Keys: ``items`` int64 [u] catalog rows; ``histories`` int64 [b, l] positions in
        ``items``, newest first, -1 padded; ``candidates`` int64 [c] positions in ``items``;
        ``target_column`` int64 [b] positions in ``candidates``; ``taken`` bool [b, c].
        """
        chosen = np.asarray(numbers, np.int64)
        histories = self._thin(self.examples.newest_first(chosen))
        targets = self.examples.targets(chosen)
        uniform = self.rng.choice(self.n_items, self.uniform_negatives, replace=False)
        candidates = np.unique(np.concatenate([targets, uniform]))
        items = np.union1d(candidates, histories[histories >= 0])
        positions = np.searchsorted(items, histories)
        taken = self.taken[self.examples.user[chosen]][:, candidates].toarray()
        batch = {
            "items": items,
            "histories": np.where(histories >= 0, positions, -1),
            "candidates": np.searchsorted(items, candidates),
            "target_column": np.searchsorted(candidates, targets),
            "taken": taken,
        }
        return {name: torch.from_numpy(array) for name, array in batch.items()}

    def _thin(self, histories: np.ndarray) -> np.ndarray:
        """Leave out a share of past items, never the newest: the tower must not lean on one."""
        if self.history_dropout == 0:
            return histories
        keep = self.rng.random(histories.shape) >= self.history_dropout
        keep[:, 0] = True
        keep &= histories >= 0
        # Stable sort moves the kept items forward and leaves their order.
        order = np.argsort(~keep, axis=1, kind="stable")
        moved = np.take_along_axis(np.where(keep, histories, -1), order, axis=1)
        return moved[:, : max(int(keep.sum(1).max()), 1)]
