"""Rows of the catalog, read and scored in whichever segment holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.index.checks import check_rows
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import search_threads
from longtail.index.search.row_locations import Locations
from longtail.index.search.segment import Segment


def read_rows(
    segments: Sequence[Segment], locations: Locations, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return ``[vector ; popularity]`` of these rows, float32 [len(rows), d + 1].

    Raises:
        VectorIndexError: the rows aren't a flat list of rows of the catalog.
    """
    rows = np.asarray(rows, np.int64)
    if rows.ndim != 1:
        raise VectorIndexError(f"rows must be a flat list, not {list(rows.shape)}")
    check_rows(rows, least=0, n_items=len(locations.code))
    stored = np.empty((len(rows), segments[0].dim + 1), np.float32)
    code, position = locations.of_rows(rows)
    for number, segment in enumerate(segments):
        inside = code == number
        if inside.any():
            stored[inside] = segment.full(position[inside])
    return stored


def score_rows(
    segments: Sequence[Segment],
    locations: Locations,
    removed: NDArray[np.bool_],
    queries: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return exact scores of ``[q ; w]`` [m, d + 1] and each one's own rows [m, c], float32.

    Row -1 and the rows of removed items get -inf.

    Raises:
        VectorIndexError: the rows aren't one line a query of rows of the catalog.
    """
    rows = np.asarray(rows, np.int64)
    if rows.ndim != 2 or len(rows) != len(queries):
        raise VectorIndexError(
            f"candidate rows must be [{len(queries)}, c], one line a query; got {rows.shape}"
        )
    check_rows(rows, least=-1, n_items=len(locations.code))
    scores = np.full(rows.shape, -np.inf, np.float32)
    code, position = locations.of_rows(rows)
    code[removed[rows]] = -1
    with search_threads(len(queries), rows.shape[1], queries.shape[1]):
        for number, segment in enumerate(segments):
            inside = code == number
            if inside.any():
                local = np.where(inside, position, -1)
                scores = np.maximum(scores, segment.scores(queries, local))
    return scores
