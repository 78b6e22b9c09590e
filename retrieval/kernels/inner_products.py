"""Inner products of a few vectors with a whole catalog: as fast as memory is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled_sums


@compiled_sums
def inner_products(
    few: NDArray[np.float32], many: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Fill out [m, n] with the inner products of few [m, d] and many [n, d]."""
    for row in range(len(many)):
        for line in range(len(few)):
            product = np.float32(0.0)
            for x in range(many.shape[1]):
                product += few[line, x] * many[row, x]
            out[line, row] = product
