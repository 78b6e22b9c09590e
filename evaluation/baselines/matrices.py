"""Logs and histories as sparse user-item matrices, and item weights cut to their neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions

# Entries of a dense block of item weights held at once: 64 MB of float32.
WEIGHTS_AT_ONCE = 16_000_000


def user_item_matrix(interactions: Interactions, n_items: int) -> sp.csr_array:
    """Return who took what at least once: ones, float32 [n_users, n_items]."""
    taken = interactions.taken()
    ones = np.ones(len(taken), np.float32)
    shape = (len(taken.user_ids), n_items)
    matrix = sp.coo_array((ones, (taken.user, taken.item)), shape=shape).tocsr()
    matrix.data[:] = 1
    return matrix


def history_weights(
    histories: Histories, n_items: int, *, decay: float, max_history: int
) -> sp.csr_array:
    """Return decay ** age of each user's last items, age 0 the newest, float32 [m, n_items].

    Repeats add up.

    >>> recent = history_weights(Histories.from_lists([[2, 0], []]), 3, decay=0.5, max_history=9)
    >>> recent.toarray().tolist()
    [[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    """
    rows, lengths = histories.last(max_history)
    user, age = np.nonzero(rows >= 0)
    # Twice the same item gives two entries of one column, which the product adds up.
    weights = (np.float64(decay) ** age).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_array((weights, rows[user, age], starts), shape=(len(histories), n_items))


def nearest_rows(
    weights_of: Callable[[slice], NDArray[np.float32]], n_items: int, neighbours: int
) -> sp.csr_array:
    """Return the largest positive weights of each item's row, sparse float32 [n_items, n_items].

    ``weights_of`` gives some rows densely, float32 [rows, n_items], so that no n x n array is
    ever held; an item is not its own neighbour.
    """
    width = min(neighbours, n_items)
    block = max(1, WEIGHTS_AT_ONCE // max(n_items, 1))
    parts = []
    for start in range(0, n_items, block):
        stop = min(start + block, n_items)
        rows = weights_of(slice(start, stop))
        rows[np.arange(stop - start), np.arange(start, stop)] = 0
        values, columns = (tensor.numpy() for tensor in torch.topk(torch.from_numpy(rows), width))
        row, place = np.nonzero(values > 0)
        kept = values[row, place], (row, columns[row, place])
        parts.append(sp.coo_array(kept, shape=(stop - start, n_items)).tocsr())
    return sp.csr_array(sp.vstack(parts, format="csr"))


def neighbour_scores(
    recent: sp.csr_array, weights: sp.csr_array | NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return ``recent @ weights`` densely, -inf where no item of the history says anything."""
    product = recent @ weights
    scores = np.asarray(
        product if isinstance(product, np.ndarray) else product.toarray(), np.float32
    )
    scores[scores == 0] = -np.inf
    return scores
