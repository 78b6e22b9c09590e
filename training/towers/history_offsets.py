"""Where history offsets start: item-to-item weights, read in the text's space."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.features.closed_form import closed_form_weights
from longtail.retrieval.kernels.row_blocks import row_blocks

PROJECTION_RIDGE = 0.1
# Dimensions of the users' sums that are in memory at once.
DIMENSIONS_AT_ONCE = 64


def closed_form_offsets(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32],
    *,
    kernel: float,
    ridge: float,
) -> NDArray[np.float32]:
    """Return offsets that make a past item's vector point at what its takers take.

    ``taken`` bool [n_users, n_items], ``vectors`` [n_items, d] unit rows; float32 [n_items, d].
    From the closed form's weights (`closed_form_weights`): ``n_items ** 2`` memory.
    """
    weights = closed_form_weights(taken, vectors, kernel=kernel, ridge=ridge)
    return offsets_towards(weights @ vectors, vectors, _counts(taken))


def neighbour_offsets(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32],
    *,
    shrinkage: float = 5.0,
    step: float = 0.3,
) -> NDArray[np.float32]:
    """Return offsets for catalogs too large for the closed form, in one pass over the log.

    From shrunk cosines ``together(j, i) / sqrt((count(j) + s) (count(i) + s))``, diagonal 0,
    which are never written down: their product with the texts goes by way of the users. They are
    cruder than the closed form, and going the whole way costs the tail; hence the ``step``.
    """
    matrix = taken.astype(np.float32)
    counts = _counts(taken)
    scale = (1.0 / np.sqrt(counts + shrinkage)).astype(np.float32)[:, None]
    pointed = np.empty(vectors.shape, np.float32)
    for part in row_blocks(vectors.shape[1], DIMENSIONS_AT_ONCE):
        scaled = vectors[:, part] * scale
        pointed[:, part] = (matrix.T @ (matrix @ scaled)) * scale
        pointed[:, part] -= scaled * scale * counts[:, None].astype(np.float32)
    return offsets_towards(pointed, vectors, counts, step=step)


def offsets_towards(
    pointed: NDArray[np.float32],
    vectors: NDArray[np.float32],
    counts: NDArray[np.int64],
    *,
    step: float = 1.0,
) -> NDArray[np.float32]:
    """Return offsets from ``B V``, B being any item-to-item weights, dense or sparse.

    ``H = B V inverse(V'V + r I)`` are the vectors whose inner products with the texts come
    nearest to B (ridge regression), scaled to a mean length of 1; the offset is
    ``step * (H - V)``. B is not low-rank, so much of its head is lost here; what remains helps
    the tail as much as the head (docs/model.md). Items nobody took (``counts`` 0) keep offset 0.

    >>> text = np.eye(2, dtype=np.float32)
    >>> swap = np.array([[0, 3], [3, 0]], dtype=np.float32)
    >>> offsets_towards(swap @ text, text, np.array([4, 0])).round(1).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    normal = vectors.T @ vectors + np.float32(PROJECTION_RIDGE) * np.eye(
        vectors.shape[1], dtype=np.float32
    )
    projected = np.linalg.solve(normal, pointed.T).T
    known = counts > 0
    length = np.linalg.norm(projected[known], axis=1).mean() if known.any() else 1.0
    offsets = step * (projected / max(float(length), 1e-12) - vectors)
    offsets[~known] = 0.0
    return offsets.astype(np.float32)


def _counts(taken: sp.csr_matrix) -> NDArray[np.int64]:
    return np.bincount(taken.indices, minlength=taken.shape[1]).astype(np.int64)
