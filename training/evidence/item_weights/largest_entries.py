"""Of every row of a matrix, the entries of the largest magnitude."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def largest_entries(
    rows: sp.csr_matrix | NDArray[np.float32], most: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return columns and values of each row's ``most`` largest magnitudes, both [n, most].

    In no order; shorter rows are padded with column -1 and value 0. Which of several equal
    magnitudes are kept at the edge is the lower columns' for sparse rows with sorted columns.

    >>> columns, values = largest_entries(np.array([[0.1, -3.0, 2.0], [0.0, 1.0, 0.0]]), 2)
    >>> np.sort(columns, axis=1).tolist(), np.sort(values, axis=1).tolist()
    ([[1, 2], [-1, 1]], [[-3.0, 2.0], [0.0, 1.0]])
    """
    if isinstance(rows, np.ndarray):
        return _of_dense(rows, most)
    columns = np.full((rows.shape[0], most), -1, np.int32)
    values = np.zeros((rows.shape[0], most), np.float32)
    lengths = np.diff(rows.indptr)
    short = lengths <= most
    size = lengths[short]
    row = np.repeat(np.flatnonzero(short), size)
    place = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    source = np.repeat(rows.indptr[:-1][short], size) + place
    columns[row, place], values[row, place] = rows.indices[source], rows.data[source]
    for long in np.flatnonzero(~short):
        part = slice(rows.indptr[long], rows.indptr[long + 1])
        kept = _largest(np.abs(rows.data[part]), most)
        columns[long], values[long] = rows.indices[part][kept], rows.data[part][kept]
    return columns, values


def _largest(magnitudes: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """Return the positions of the largest, ties at the edge by position."""
    edge = np.partition(magnitudes, len(magnitudes) - most)[-most]
    above = np.flatnonzero(magnitudes > edge)
    level = np.flatnonzero(magnitudes == edge)[: most - len(above)]
    return np.concatenate([above, level])


def _of_dense(
    rows: NDArray[np.float32], most: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    columns = np.full((len(rows), most), -1, np.int32)
    values = np.zeros((len(rows), most), np.float32)
    width = min(most, rows.shape[1])
    for number, row in enumerate(rows):
        kept = _largest(np.abs(row), width)
        columns[number, :width], values[number, :width] = kept, row[kept]
    columns[values == 0] = -1
    return columns, values
