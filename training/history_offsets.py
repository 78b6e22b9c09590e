"""Where history offsets start: a closed-form item-to-item model, read in the text's space."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray


def closed_form_offsets(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32],
    *,
    kernel: float,
    ridge: float,
    projection_ridge: float = 0.1,
) -> NDArray[np.float32]:
    """Return offsets that make a past item's vector point at what its takers take.

    ``taken`` bool [n_users, n_items], ``vectors`` [n_items, d] unit rows; float32 [n_items, d].

    First EASE (Steck, "Embarrassingly Shallow Autoencoders", WWW 2019, eq. 8) with the text
    kernel as prior: ``P = inverse(X'X + kernel * V V' + ridge * I)``, ``B = -P / diag(P)``,
    diagonal 0. Row j of B says what follows j. Then the vectors H that best reproduce it by
    inner products with the texts, by ridge regression: ``H = B V inverse(V'V + r I)``, scaled
    to a mean length of 1. The offset is ``H - V``. B itself is not low-rank, so much of its
    head is lost here; what remains helps the tail as much as the head (docs/model.md).

    Items nobody took keep offset 0. Takes n_items^2 * 4 bytes and n_items^3 steps.
    """
    matrix = taken.astype(np.float32)
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    gram = np.asarray((matrix.T @ matrix).toarray(), np.float32)
    # Everything of this size is done in place, in blocks: at 20,000 items it is 1.6 GB.
    for rows in _blocks(len(gram)):
        gram[rows] += np.float32(kernel) * (vectors[rows] @ vectors.T)
    gram[np.diag_indices_from(gram)] += np.float32(ridge)
    weights = _inverse_of_positive_definite(gram)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0.0)
    normal = vectors.T @ vectors + np.float32(projection_ridge) * np.eye(
        vectors.shape[1], dtype=np.float32
    )
    pointed = np.linalg.solve(normal, (weights @ vectors).T).T
    length = np.linalg.norm(pointed[counts > 0], axis=1).mean() if (counts > 0).any() else 1.0
    offsets = pointed / max(float(length), 1e-12) - vectors
    offsets[counts == 0] = 0.0
    return offsets.astype(np.float32)


def _inverse_of_positive_definite(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inverse of a symmetric matrix by Cholesky; the matrix itself is overwritten."""
    # The transpose is the same matrix in the order that LAPACK overwrites without a copy.
    factor, failed = scipy.linalg.lapack.spotrf(matrix.T, lower=1, overwrite_a=1)
    inverse, failed_too = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise np.linalg.LinAlgError("the co-occurrence matrix is not positive definite")
    # LAPACK fills the lower triangle only.
    for rows in _blocks(len(inverse)):
        square = inverse[rows, rows]
        square[:] = np.tril(square) + np.tril(square, -1).T
        inverse[rows, rows.stop :] = inverse[rows.stop :, rows].T
    return np.asarray(inverse, np.float32)


def _blocks(size: int) -> list[slice]:
    return [slice(start, min(start + 2048, size)) for start in range(0, size, 2048)]
