"""Fits behaviour evidence: the closed form where it fits into memory, its first term anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.features.closed_form import closed_form_weights
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.retrieval.progress import Progress, silent
from longtail.training.evidence.item_weights.first_order import PAIRS_AT_ONCE, first_order_rows
from longtail.training.evidence.item_weights.item_weights_settings import ItemWeightsSettings
from longtail.training.evidence.item_weights.largest_entries import largest_entries
from longtail.training.evidence.text_neighbours import text_neighbours

# Rows of the two joined at once, 4 bytes an entry each.
ROWS_JOINED = 512

Route = Literal["closed form", "first order"]


@dataclass(frozen=True)
class ItemWeightsReport:
    """How the weights were made.

    Attributes:
        route: ``closed form``, the first-order term added; or ``first order`` alone.
        items: catalog rows.
        entries: weights kept.
        entries_per_item: their mean number in a row.
        share_kept: magnitude of the kept weights over that of all weights.
        seconds: time taken.
        peak_gb: estimate of the most memory in use beyond what was handed in.
    """

    route: Route
    items: int
    entries: int
    entries_per_item: float
    share_kept: float
    seconds: float
    peak_gb: float


def fit_item_weights(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32] | NDArray[np.float16],
    settings: ItemWeightsSettings | None = None,
    *,
    amounts: sp.csr_matrix | None = None,
    progress: Progress = silent,
) -> tuple[ItemWeights, ItemWeightsReport]:
    """Return item-to-item weights fitted on who took what and on the items' texts.

    ``taken`` bool [n_users, n_items], without duplicates, of the training part alone; ``vectors``
    [n_items, d], the item tower's unit rows; ``amounts`` float32 [n_users, n_items], what stands
    for ``taken`` where the settings want it (`confidences`). Up to `closed_form_limit` items the
    weights are ``closed form + first_order * first-order term`` (the term's own largest entries),
    beyond it the first-order term.
    """
    candidates = [settings or ItemWeightsSettings()]
    [fitted] = fit_each(taken, vectors, candidates, amounts=amounts, progress=progress)
    return fitted


def fit_each(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32] | NDArray[np.float16],
    candidates: Sequence[ItemWeightsSettings],
    *,
    amounts: sp.csr_matrix | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[ItemWeights, ItemWeightsReport]]:
    """Yield what `fit_item_weights` returns for each of the settings, in their order.

    Neighbours in the list that share kernel, ridge and amounts share one inverse, those that share
    the first-order term's settings that term; only one matrix is in memory at a time.
    """
    n_items = len(vectors)
    first: tuple[ItemWeightsSettings, ItemWeights, float] | None = None
    inverted: tuple[ItemWeightsSettings, NDArray[np.float32]] | None = None
    for number, settings in enumerate(candidates):
        began = time.monotonic()
        progress("behaviour weights", number, len(candidates))
        exact = n_items <= settings.closed_form_limit
        matrix = amounts if settings.amounts and amounts is not None else taken
        if first is None or _first_order_part(first[0]) != _first_order_part(settings):
            first = (settings, *_first_order(matrix, vectors, settings))
        weights, share = first[1:]
        if exact:
            if inverted is None or _closed_form_part(inverted[0]) != _closed_form_part(settings):
                # Let go of the old matrix before the new one is made.
                inverted = None
                dense = closed_form_weights(
                    matrix,
                    np.asarray(vectors, np.float32),
                    kernel=settings.text_kernel,
                    ridge=settings.ridge,
                )
                inverted = (settings, dense)
                del dense
            blocks = _joined(inverted[1], weights, settings.first_order)
            weights, share = _largest(blocks, n_items, settings.kept)
        yield (
            weights,
            ItemWeightsReport(
                route="closed form" if exact else "first order",
                items=n_items,
                entries=len(weights),
                entries_per_item=round(len(weights) / max(n_items, 1), 1),
                share_kept=round(share, 4),
                seconds=round(time.monotonic() - began, 1),
                peak_gb=round(estimated_bytes(taken, vectors, settings) / 1e9, 2),
            ),
        )
    progress("behaviour weights", len(candidates), len(candidates))


def estimated_bytes(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32] | NDArray[np.float16],
    settings: ItemWeightsSettings,
) -> int:
    """Return about how many bytes `fit_item_weights` needs at its peak beyond what it is given."""
    n_items, dim = int(vectors.shape[0]), int(vectors.shape[1])
    kept: int = 8 * n_items * min(settings.kept, n_items)
    near: int = 8 * n_items * min(settings.text_neighbours, n_items)
    # The log as float32 by user and by item; the pairs of one block, twice, as they are added.
    log: int = 16 * taken.nnz
    if n_items <= settings.closed_form_limit:
        return kept + near + log + 4 * n_items**2 + 8 * 2_048 * n_items
    return 2 * kept + near + log + max(2 * n_items * dim, 24 * PAIRS_AT_ONCE)


def _joined(
    weights: NDArray[np.float32], first: ItemWeights, share: float
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    for rows in row_blocks(len(weights), ROWS_JOINED):
        if share > 0:
            added = np.asarray(first.matrix[rows].toarray(), np.float32)
            yield rows, weights[rows] + np.float32(share) * added
        else:
            yield rows, weights[rows]


def _first_order(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32] | NDArray[np.float16],
    settings: ItemWeightsSettings,
) -> tuple[ItemWeights, float]:
    """Return the first-order term's largest entries, and the share they have of it."""
    blocks = first_order_rows(
        taken,
        text_neighbours(vectors, settings.text_neighbours),
        kernel=settings.first_order_kernel,
        ridge=settings.first_order_ridge,
    )
    return _largest(blocks, len(vectors), settings.kept)


def _largest(
    blocks: Iterator[tuple[slice, sp.csr_matrix]] | Iterator[tuple[slice, NDArray[np.float32]]],
    n_items: int,
    most: int,
) -> tuple[ItemWeights, float]:
    """Return the largest entries of each row, and their share of all magnitude."""
    columns = np.full((n_items, min(most, n_items)), -1, np.int32)
    values = np.zeros(columns.shape, np.float32)
    kept = whole = 0.0
    for rows, weights in blocks:
        magnitudes = weights if isinstance(weights, np.ndarray) else weights.data
        whole += float(np.abs(magnitudes).sum(dtype=np.float64))
        columns[rows], values[rows] = largest_entries(weights, columns.shape[1])
        kept += float(np.abs(values[rows]).sum(dtype=np.float64))
    return ItemWeights.from_rows(columns, values), kept / whole if whole else 1.0


def _closed_form_part(settings: ItemWeightsSettings) -> tuple[float, ...]:
    return settings.text_kernel, settings.ridge, settings.amounts


def _first_order_part(settings: ItemWeightsSettings) -> tuple[float, ...]:
    return (
        settings.kept,
        settings.first_order_kernel,
        settings.first_order_ridge,
        settings.text_neighbours,
        settings.amounts,
    )
