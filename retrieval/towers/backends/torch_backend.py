"""The text encoder as PyTorch runs it, in the tower's own numbers or in bfloat16."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.towers.item_tower import ItemTower


class TorchBackend:
    """The tower's own modules; in bfloat16 a copy of its encoder, which keeps the tower as it is.

    Where the tower lies on a GPU, that is where it runs.
    """

    def __init__(self, tower: ItemTower, dtype: torch.dtype = torch.float32) -> None:
        self.name = f"torch-{str(dtype).removeprefix('torch.')}"
        self.tokens_per_batch = 2_048
        self._tower = tower
        self._encoder = tower.text_encoder
        if dtype is not torch.float32:
            self._encoder = copy.deepcopy(self._encoder).to(dtype)

    @torch.inference_mode()
    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the unit vectors before the tower's linear layer, float32 [b, dim]."""
        device = next(self._tower.parameters()).device
        was_training = self._encoder.training
        self._encoder.eval()
        found = self._tower.pool_with(
            self._encoder, torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
        )
        self._encoder.train(was_training)
        pooled: NDArray[np.float32] = found.cpu().numpy()
        return pooled
