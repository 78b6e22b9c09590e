"""The text encoder as ONNX Runtime runs it on the CPU, in float32 or int8."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.towers.backends.onnx_export import export_float32, quantise
from longtail.retrieval.towers.item_tower import ItemTower

# What one core reads at once: more leaves its caches.
TOKENS_PER_BATCH = 512
MOST_WORKERS = 64
# Ten times slower than the sum and the normalisation that it stands for.
_SLOWER_FUSIONS = ["SkipLayerNormFusion"]


class OnnxBackend:
    """The tower's encoder as it was when this was made; later training doesn't reach it.

    The exported file is made anew each time, and is gone once it is loaded: it is quickly made,
    and a kept one could be another tower's.

    Raises:
        BackendError: this encoder can't be exported.
    """

    def __init__(self, tower: ItemTower, *, int8: bool = False) -> None:
        import onnxruntime

        self.name = "onnx-int8" if int8 else "onnx-float32"
        self.tokens_per_batch = TOKENS_PER_BATCH
        self.workers = min(torch.get_num_threads(), MOST_WORKERS)
        options = onnxruntime.SessionOptions()
        # Each worker reads a batch of its own: one that shares its batch with others waits.
        options.intra_op_num_threads = 1
        # Patterns of memory are kept by shape, and nearly every batch has its own.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        with tempfile.TemporaryDirectory(prefix="longtail-onnx-") as folder:
            path = Path(folder) / "encoder.onnx"
            export_float32(tower, path)
            if int8:
                quantise(path, path := Path(folder) / "encoder-int8.onnx")
            self._session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_SLOWER_FUSIONS,
            )

    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the unit vectors before the tower's linear layer, float32 [b, dim].

        In int8 the numbers are scaled by the largest of the batch, so a text's vector depends a
        little on its neighbours.
        """
        pooled: NDArray[np.float32] = self._session.run(None, {"ids": ids, "mask": mask})[0]
        return pooled
