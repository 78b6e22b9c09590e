"""Item-to-item weights without an inverse: the first term of the closed form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

# Pairs of one user's items added up at once, about 12 bytes each.
PAIRS_AT_ONCE = 20_000_000


def first_order_rows(
    taken: sp.csr_matrix, near: sp.csr_matrix, *, kernel: float, ridge: float
) -> Iterator[tuple[slice, sp.csr_matrix]]:
    """Yield the rows of the first-order weights F, block after block, float32 [rows, n_items].

    ``F[j, i] = (together(j, i) + kernel * near(j, i)) / (count(j) + kernel + ridge)``, diagonal 0;
    ``taken`` bool, or confidences in float32, [n_users, n_items], ``near`` float32
    [n_items, n_items] the cosines of text neighbours.

    Write the closed form's matrix (`closed_form_weights`) as ``D + O``, D its diagonal. Then
    ``inverse(D + O) = inverse(D) - inverse(D) O inverse(D) + ...``, and of ``B = -P / diag(P)``
    the first term is ``inverse(D) O``: the share of the takers of j who take i, shrunk, with the
    text as prior. What it leaves out is that like items tell the same evidence twice. No block
    takes more than about 500 MB, unless a single item's row does.

    >>> taken = sp.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=bool))
    >>> near = sp.csr_matrix(np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=np.float32))
    >>> rows = first_order_rows(taken, near, kernel=1.0, ridge=0.0)
    >>> [block.toarray().astype(float).round(2).tolist() for _, block in rows]
    [[[0.0, 0.5, 0.25], [0.67, 0.0, 0.33], [0.5, 0.5, 0.0]]]
    """
    matrix = taken.astype(np.float32)
    by_item = matrix.T.tocsr()
    counts = np.diff(by_item.indptr)
    for rows in _blocks_of_pairs(by_item, np.diff(matrix.indptr)):
        pairs = sp.csr_matrix(by_item[rows] @ matrix)
        row_numbers = np.arange(rows.start, rows.stop, dtype=pairs.indices.dtype)
        itself = np.repeat(row_numbers, np.diff(pairs.indptr))
        pairs.data[pairs.indices == itself] = 0.0
        pairs = sp.csr_matrix(pairs + near[rows] * np.float32(kernel))
        pairs.eliminate_zeros()
        scale = 1.0 / (counts[rows] + kernel + ridge)
        pairs.data *= np.repeat(scale.astype(np.float32), np.diff(pairs.indptr))
        yield rows, pairs


def _blocks_of_pairs(by_item: sp.csr_matrix, history_lengths: NDArray[np.int32]) -> Iterator[slice]:
    """Yield slices of items whose takers hold at most `PAIRS_AT_ONCE` items together."""
    pairs = by_item.astype(np.int64) @ history_lengths.astype(np.int64)
    total = np.concatenate([[0], np.cumsum(pairs)])
    start = 0
    while start < len(pairs):
        stop = int(np.searchsorted(total, total[start] + PAIRS_AT_ONCE, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop
