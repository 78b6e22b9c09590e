"""The text encoder as PyTorch runs it, in the tower's own numbers or in half precision."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.towers.item_tower import ItemTower

# Larger batches leave a core's caches; smaller ones are busy with being called.
TOKENS_PER_BATCH = 1_024
TOKENS_PER_GPU_BATCH = 16_384
# More of them, each with fewer cores, would stand waiting for the last batches.
MOST_WORKERS = 8


class TorchBackend:
    """The tower's own modules; in half precision a copy of its encoder, so the tower stays.

    Where the tower lies on a GPU, that is where it runs.
    """

    def __init__(self, tower: ItemTower, dtype: torch.dtype = torch.float32) -> None:
        self.name = f"torch-{str(dtype).removeprefix('torch.')}"
        self._tower = tower
        self._device = next(tower.parameters()).device
        on_gpu = self._device.type == "cuda"
        self.tokens_per_batch = TOKENS_PER_GPU_BATCH if on_gpu else TOKENS_PER_BATCH
        self.workers = 1 if on_gpu else min(torch.get_num_threads(), MOST_WORKERS)
        encoder = tower.text_encoder
        # The copy shares the weights. Its mode is its own: dropout stays off here while the
        # tower trains, whichever thread reads.
        weights = [*encoder.parameters(), *encoder.buffers()]
        self._encoder = copy.deepcopy(encoder, {id(tensor): tensor for tensor in weights}).eval()
        if dtype is not torch.float32:
            self._encoder = copy.deepcopy(self._encoder).to(dtype)

    @torch.inference_mode()
    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the unit vectors before the tower's linear layer, float32 [b, dim]."""
        output = self._tower.pool_with(
            self._encoder,
            torch.from_numpy(ids).to(self._device),
            torch.from_numpy(mask).to(self._device),
        )
        pooled: NDArray[np.float32] = output.cpu().numpy()
        return pooled
