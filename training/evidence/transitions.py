"""What followed what in the log: order-aware item-to-item weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.training.evidence.item_weights.largest_entries import largest_entries

# An item is followed by the next five of the same user, each counting 0.7 of the one before.
WINDOW = 5
FADE = 0.7
SHRINKAGE = 3.0
ROWS_AT_ONCE = 4_096


def transition_counts(
    histories: Histories,
    n_items: int,
    *,
    window: int = WINDOW,
    fade: float = FADE,
    took: NDArray[np.bool_] | None = None,
) -> sp.csr_matrix:
    """Return how often j was followed by i, float32 [n_items, n_items].

    The sum over users and over places a < b, b - a <= ``window``, of ``fade ** (b - a - 1)``. With
    ``took`` [total] only events where it holds can follow.

    >>> counts = transition_counts(Histories.from_lists([[0, 1, 2], [0, 1]]), 3).toarray()
    >>> counts.astype(float).round(2).tolist()
    [[0.0, 2.0, 0.7], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    items = histories.items.astype(np.int64)
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    nothing = np.empty(0, np.int64)
    total = sp.csr_matrix((np.empty(0, np.float32), (nothing, nothing)), shape=(n_items, n_items))
    for step in range(1, window + 1):
        if len(items) <= step:
            break
        same = (owner[step:] == owner[:-step]) & (items[step:] != items[:-step])
        if took is not None:
            same &= took[step:]
        weight = np.full(int(same.sum()), fade ** (step - 1), np.float32)
        pairs = (items[:-step][same], items[step:][same])
        # csr adds up what a user, or several, did more than once.
        total = total + sp.csr_matrix((weight, pairs), shape=(n_items, n_items))
    return sp.csr_matrix(total)


def followers(
    counts: sp.csr_matrix,
    popularity: NDArray[np.int64],
    kept: int,
    *,
    before: NDArray[np.int64] | None = None,
) -> ItemWeights:
    """Return transitions as shrunk cosines, of each row the ``kept`` largest.

    ``count(j, i) / ((sqrt(n_j) + 1) (sqrt(n_i) + 1))``, n the items' training users: a step to a
    rare item says more than one to an item that everybody takes. ``before`` [n_items]: users of
    the items that are followed, where these are others.
    """
    scale = _rareness(popularity)
    first = scale if before is None else _rareness(before)
    return _kept((first @ counts @ scale).tocsr(), kept)


def _rareness(users: NDArray[np.int64]) -> sp.dia_matrix:
    return sp.diags((1.0 / (np.sqrt(users) + 1.0)).astype(np.float32))


def followers_by_text(counts: sp.csr_matrix, near: sp.csr_matrix, kept: int) -> ItemWeights:
    """Return transitions between items *like* j and items *like* i, as shares of what follows j.

    ``near`` float32 [n_items, n_items] holds text neighbours' cosines. With S half an item
    itself and half its neighbours (softmax of ten times the cosine), it is ``S counts S'``, each
    row divided by its sum + 3: an item nobody has seen follows what its likes follow.
    """
    weights = near.copy()
    weights.data = np.exp(10.0 * weights.data).astype(np.float32)
    total = np.asarray(weights.sum(axis=1)).ravel()
    shares = sp.diags((0.5 / np.maximum(total, 1e-12)).astype(np.float32)) @ weights
    likes = (0.5 * sp.identity(len(total), np.float32, format="csr") + shares).tocsr()
    targets = likes.T.tocsr()

    def blocks() -> Iterator[tuple[slice, sp.csr_matrix]]:
        for rows in row_blocks(len(total), ROWS_AT_ONCE):
            smooth = (likes[rows] @ counts @ targets).tocsr()
            smooth.sort_indices()
            share = 1.0 / (np.asarray(smooth.sum(axis=1)).ravel() + SHRINKAGE)
            yield rows, sp.csr_matrix(sp.diags(share.astype(np.float32)) @ smooth)

    columns = np.full((len(total), min(kept, len(total))), -1, np.int32)
    values = np.zeros(columns.shape, np.float32)
    for rows, block in blocks():
        columns[rows], values[rows] = largest_entries(block, columns.shape[1])
    return ItemWeights.from_rows(columns, values)


def _kept(matrix: sp.csr_matrix, kept: int) -> ItemWeights:
    matrix.sort_indices()
    return ItemWeights.from_rows(*largest_entries(matrix, min(kept, matrix.shape[0])))
