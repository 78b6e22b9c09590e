"""Partial whitening: even out the directions in which all item texts of a catalog agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.row_blocks import row_blocks

# Half way between the vectors as they are and full whitening.
USUAL_POWER = 0.5


@dataclass(frozen=True)
class Whitening:
    """A linear map ``x -> x @ weight.T + bias`` for unit vectors; float32 [d, d] and [d]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mapped vectors with unit rows, float32 [n, dims]."""
        return unit_rows(unit_rows(vectors) @ self.weight.T + self.bias)


def fit_partial_whitening(
    vectors: NDArray[np.float32],
    power: float = USUAL_POWER,
    *,
    dims: int | None = None,
    first: int | None = None,
) -> Whitening:
    """Return the map that divides each principal axis by its standard deviation to a power.

    ``vectors`` [n, d] are taken as unit rows and centred. Power 0 only centres, power 1 is full
    whitening (Su et al., "Whitening Sentence Representations", 2021, eq. 5). Fully whitened,
    the directions of noise count as much as those of meaning; half way is best on all data
    tried (docs/model.md). Axes that hold almost nothing (fewer texts than dimensions) are
    damped, never blown up.

    ``dims`` keeps so many axes, those that hold most of the catalog; ``first`` takes the axes of
    the first coordinates alone.

    >>> line = np.array([[3.0, 4.0], [4.0, 3.0], [0.6, 0.8]], dtype=np.float32)
    >>> fit_partial_whitening(line).apply(line).shape
    (3, 2)
    """
    n, width = vectors.shape
    dim = width if first is None else first
    # In parts: in float64 the whole would take twice the memory of the vectors.
    mean, covariance = np.zeros(dim), np.zeros((dim, dim))
    for rows in row_blocks(n):
        mean += unit_rows(vectors[rows])[:, :dim].sum(axis=0, dtype=np.float64) / n
    for rows in row_blocks(n):
        centred = unit_rows(vectors[rows])[:, :dim].astype(np.float64) - mean
        covariance += centred.T @ centred / n
    variance, axes = np.linalg.eigh(covariance)
    deviation = np.sqrt(np.maximum(variance, 1e-12))
    kept = dim if dims is None else dims
    # One item, or identical texts: no axis says anything, so the vectors stay as they are.
    if deviation.max() < 1e-5:
        return Whitening(np.eye(kept, width, dtype=np.float32), np.zeros(kept, np.float32))
    scale = np.maximum(deviation, 1e-3 * deviation.max()) ** -power
    # The axes come in the order of what they hold, the least first.
    weight = (scale[:, None] * axes.T)[dim - kept :]
    bias = -weight @ mean
    if first is not None:
        weight = np.hstack([weight, np.zeros((kept, width - dim))])
    return Whitening(weight.astype(np.float32), bias.astype(np.float32))


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows scaled to length 1; a zero row stays zero.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)).round(1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)
