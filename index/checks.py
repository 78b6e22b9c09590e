"""What is refused before it reaches FAISS, which would take it and answer nonsense."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import VectorIndexError

ROWS_AT_ONCE = 65_536
SEGMENT_NAME = re.compile(r"[A-Za-z0-9_-]+")


def checked_ids(item_ids: Sequence[str]) -> NDArray[np.object_]:
    """Return the ids as an object array; refuse anything but distinct strings."""
    ids = np.empty(len(item_ids), object)
    ids[:] = list(item_ids)
    seen: dict[str, int] = {}
    for row, item_id in enumerate(ids):
        if not isinstance(item_id, str):
            raise VectorIndexError(f"item id {item_id!r} at row {row} is no string")
        if item_id in seen:
            raise VectorIndexError(
                f"item id {item_id!r} occurs at rows {seen[item_id]} and {row}; ids must be unique"
            )
        seen[item_id] = row
    return ids


def check_columns(
    vectors: NDArray[np.float32],
    popularity: NDArray[np.float32],
    segment_of: NDArray[np.int8],
    n_items: int,
    n_segments: int,
) -> None:
    """Refuse vectors, popularities or segments that don't fit one another or aren't finite.

    A vector of zeros is refused too: it has no direction, so what made it has failed.
    """
    if vectors.ndim != 2 or vectors.dtype != np.float32 or 0 in vectors.shape:
        raise VectorIndexError(
            "vectors must be float32 [items, dimensions] with at least one of each, not "
            f"{vectors.dtype} {list(vectors.shape)}"
        )
    for name, column in (("popularity", popularity), ("segment_of", segment_of)):
        if column.shape != (n_items,):
            raise VectorIndexError(
                f"{name} must have one entry for each of {n_items} item ids, not "
                f"{list(column.shape)}"
            )
    if len(vectors) != n_items:
        raise VectorIndexError(f"{len(vectors)} vectors for {n_items} item ids")
    _check_values(vectors, popularity)
    kinds_fit = popularity.dtype == np.float32 and segment_of.dtype == np.int8
    if not kinds_fit or segment_of.min() < 0 or segment_of.max() >= n_segments:
        raise VectorIndexError(
            f"popularity must be float32 and segment_of int8 between 0 and {n_segments - 1}"
        )


def _check_values(vectors: NDArray[np.float32], popularity: NDArray[np.float32]) -> None:
    # In blocks: what is found of millions of vectors at once would take gigabytes.
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        block = vectors[start : start + ROWS_AT_ONCE]
        for what, fine, remark in (
            ("vector", np.isfinite(block).all(axis=1), "is not finite"),
            ("popularity", np.isfinite(popularity[start : start + ROWS_AT_ONCE]), "is not finite"),
            ("vector", block.any(axis=1), "is all zeros"),
        ):
            if not fine.all():
                raise VectorIndexError(
                    f"the {what} of row {start + int(np.argmin(fine))} {remark}; look at its text"
                )


def check_segment_names(names: Sequence[str]) -> None:
    """Refuse names that occur twice or wouldn't do as a file's name."""
    for name in names:
        if not SEGMENT_NAME.fullmatch(name):
            raise VectorIndexError(f"segment name {name!r} must be of letters, digits, _ and -")
    if len({name.lower() for name in names}) != len(names):
        raise VectorIndexError(f"segment names must differ: {', '.join(names)}")


def weighted_queries(
    queries: NDArray[np.float32], weight: float | NDArray[np.float32], dim: int
) -> NDArray[np.float32]:
    """Return ``[query ; popularity weight]``, float32 [m, dim + 1], of queries [m, dim]."""
    if queries.ndim != 2 or queries.shape[1] != dim or queries.dtype != np.float32:
        raise VectorIndexError(
            f"queries must be float32 [m, {dim}], not {queries.dtype} {list(queries.shape)}"
        )
    weights = np.asarray(weight, np.float32)
    if weights.ndim and weights.shape != (len(queries),):
        raise VectorIndexError(
            f"popularity_weight must be one number or one for each of {len(queries)} "
            f"queries, not {list(weights.shape)}"
        )
    full = np.empty((len(queries), dim + 1), np.float32)
    full[:, :-1] = queries
    full[:, -1] = weights
    return full


def check_reach(reach: NDArray[np.float64]) -> None:
    """Refuse queries with NaN or infinity, or whose scores could leave float32's range.

    ``reach`` is the greatest magnitude of their scores; NaN and infinity come through to it.

    FAISS answers NaN with -1 everywhere, which reads as "nothing found".
    """
    wrong = ~(reach < np.finfo(np.float32).max)
    if wrong.any():
        raise VectorIndexError(
            f"query {int(np.argmax(wrong))} holds NaN, infinity or numbers so large that its "
            "scores overflow; look at the vector that the user tower gave"
        )


def check_length(vectors: NDArray[np.float32], dim: int) -> None:
    """Refuse vectors that don't have the dimensions of the index."""
    if vectors.ndim == 2 and vectors.shape[1] != dim:
        raise VectorIndexError(
            f"vectors must have the index's {dim} dimensions, not {vectors.shape[1]}; encode them "
            "with the item tower that filled it"
        )


def check_distinct_rows(rows: NDArray[np.int64], n_items: int) -> None:
    """Refuse anything but a flat list of catalog rows, each once."""
    if rows.ndim != 1 or rows.dtype != np.int64:
        raise VectorIndexError(f"rows must be int64 [m], not {rows.dtype} {list(rows.shape)}")
    check_rows(rows, least=0, n_items=n_items)
    distinct, times = np.unique(rows, return_counts=True)
    if len(distinct) < len(rows):
        raise VectorIndexError(f"row {distinct[np.argmax(times > 1)]} is given more than once")


def check_rows(rows: NDArray[np.int64], *, least: int, n_items: int) -> None:
    """Refuse rows outside the catalog; NumPy would read -1 as the last one."""
    if rows.size and (rows.min() < least or rows.max() >= n_items):
        raise VectorIndexError(f"rows must lie between {least} and {n_items - 1}")


def check_allowed(allowed: NDArray[np.bool_], n_items: int) -> None:
    """Refuse a filter that isn't one bool for each row."""
    if allowed.shape != (n_items,) or allowed.dtype != np.bool_:
        raise VectorIndexError(
            f"allowed must be bool [{n_items}], not {allowed.dtype} {list(allowed.shape)}"
        )
