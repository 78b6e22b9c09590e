"""From example numbers to a batch: unique items once, and everything else as positions in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.training.trainer.examples import NextItemExamples


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
        shuffled_share: float,
        history_dropout: float,
        seed: int,
    ) -> None:
        self.examples = examples
        self.taken = taken
        self.n_items = int(taken.shape[1])
        self.uniform_negatives = min(uniform_negatives, self.n_items)
        self.shuffled_share = shuffled_share
        self.history_dropout = history_dropout
        self.seed = seed

    def __call__(self, numbers: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the batch.

        Keys: ``items`` int64 [u] catalog rows; ``histories`` int64 [b, l] positions in
        ``items``, newest first, -1 padded; ``candidates`` int64 [c] positions in ``items``;
        ``target_column`` int64 [b] positions in ``candidates``; ``taken`` bool [b, c].
        """
        chosen = np.asarray(numbers, np.int64)
        # From the numbers, not from a running state: a resumed training sees the same batches.
        rng = np.random.default_rng([self.seed, *numbers[:8]])
        windows = self._shuffled(self.examples.windows(chosen), rng)
        targets, histories = windows[:, 0], self._thinned(windows[:, 1:], rng)
        uniform = rng.choice(self.n_items, self.uniform_negatives, replace=False)
        candidates = np.unique(np.concatenate([targets, uniform]))
        items = np.union1d(candidates, histories[histories >= 0])
        positions = np.searchsorted(items, histories)
        batch = {
            "items": items,
            "histories": np.where(histories >= 0, positions, -1),
            "candidates": np.searchsorted(items, candidates),
            "target_column": np.searchsorted(candidates, targets),
            "taken": self.taken[self.examples.user[chosen]][:, candidates].toarray(),
        }
        return {name: torch.from_numpy(array) for name, array in batch.items()}

    def _shuffled(self, windows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Put a share of the windows in random order, target included."""
        if self.shuffled_share == 0:
            return windows
        keys = rng.random(windows.shape)
        in_order = rng.random(len(windows)) >= self.shuffled_share
        keys[in_order] = np.arange(windows.shape[1])
        keys[windows < 0] = np.inf
        return np.take_along_axis(windows, np.argsort(keys, axis=1, kind="stable"), axis=1)

    def _thinned(self, histories: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Leave out a share of past items, never the newest: the tower must not lean on one."""
        if self.history_dropout == 0:
            return histories
        keep = rng.random(histories.shape) >= self.history_dropout
        keep[:, 0] = True
        keep &= histories >= 0
        # A stable sort moves the kept items forward and leaves them in order.
        order = np.argsort(~keep, axis=1, kind="stable")
        moved = np.take_along_axis(np.where(keep, histories, -1), order, axis=1)
        return moved[:, : max(int(keep.sum(1).max()), 1)]
