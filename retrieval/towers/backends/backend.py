"""What every way of running a text encoder offers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TextBackend(Protocol):
    """One way of running an item tower's text encoder and its pooling.

    Attributes:
        name: library and number format, e.g. ``torch-float32``, ``onnx-int8``.
        tokens_per_batch: how many tokens, padding included, a batch should hold.
        workers: how many threads may call `pool` at once, each with its share of the cores.
    """

    name: str
    tokens_per_batch: int
    workers: int

    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the unit vectors before the tower's linear layer, float32 [b, dim].

        ``ids`` and ``mask`` int64 [b, longest], as `TokenTable.padded` makes them.
        """
        ...
