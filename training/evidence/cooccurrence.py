"""Item-to-item cosines of who took what: the classic neighbourhood, one source of evidence."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.training.evidence.item_weights.largest_entries import largest_entries

SHRINKAGE = 5.0
ROWS_AT_ONCE = 2_048


def cooccurrence(taken: sp.csr_matrix, kept: int) -> ItemWeights:
    """Return shrunk cosines, of each row the ``kept`` largest, diagonal 0.

    ``together(j, i) / (sqrt(n_j n_i) + 5)`` (Sarwar et al., "Item-Based Collaborative Filtering",
    WWW 2001, with shrinkage). ``taken`` bool [n_users, n_items].

    >>> weights = cooccurrence(sp.csr_matrix(np.array([[1, 1], [1, 1], [1, 0]], dtype=bool)), 5)
    >>> weights.matrix.toarray().astype(float).round(3).tolist()
    [[0.0, 0.268], [0.268, 0.0]]
    """
    matrix = taken.astype(np.float32)
    by_item = matrix.T.tocsr()
    n_items = by_item.shape[0]
    root = np.sqrt(np.diff(by_item.indptr)).astype(np.float32)
    columns = np.full((n_items, min(kept, n_items)), -1, np.int32)
    values = np.zeros(columns.shape, np.float32)
    for rows in row_blocks(n_items, ROWS_AT_ONCE):
        pairs = sp.csr_matrix(by_item[rows] @ matrix)
        pairs.sort_indices()
        row = np.repeat(np.arange(rows.start, rows.stop), np.diff(pairs.indptr))
        pairs.data = pairs.data / (root[row] * root[pairs.indices] + np.float32(SHRINKAGE))
        pairs.data[row == pairs.indices] = 0.0
        columns[rows], values[rows] = largest_entries(pairs, columns.shape[1])
    return ItemWeights.from_rows(columns, values)
