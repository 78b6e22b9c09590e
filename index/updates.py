"""Indexes made from an index: items added, replaced, removed, put back, moved, compacted.

Every function returns another `VectorIndex` and leaves the one it was given as it is. What
doesn't change is shared, in memory and, by `longtail.index.storage.store.save_index`, on the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from longtail.index.checks import check_columns, check_distinct_rows, check_length, checked_ids
from longtail.index.errors import VectorIndexError
from longtail.index.fresh_segments import rebuilt, with_fresh, without
from longtail.index.vector_index import VectorIndex

# Where more than this share of the items changes, their pools are written anew.
MOST_MOVED = 0.1


def add_items(
    index: VectorIndex,
    vectors: NDArray[np.float32],
    popularity: NDArray[np.float32],
    segment_of: NDArray[np.int8],
    item_ids: Sequence[str],
) -> VectorIndex:
    """Return the index with m more items, whose rows come after all others.

    Shapes: vectors float32 [m, d], popularity float32 [m], segment_of int8 [m] in ``pools``. An
    id that was removed may be added again: it gets a row of its own.

    Raises:
        VectorIndexError: an id is in the index already, or the columns are unfit as in
            `VectorIndex.build`.
    """
    ids = checked_ids(item_ids).tolist()
    check_length(vectors, index.dim)
    check_columns(vectors, popularity, segment_of, len(ids), len(index.pools))
    known = index.rows_of(ids)
    if (known >= 0).any():
        place = int(np.argmax(known >= 0))
        raise VectorIndexError(
            f"item id {ids[place]!r} at row {place} of the new items is in the index already "
            f"(row {known[place]}); replace it, or remove it first"
        )
    rows = np.arange(index.n_items, index.n_items + len(ids), dtype=np.int64)
    stored = np.concatenate([vectors, popularity[:, None]], axis=1)
    longer = replace(index, item_ids=index.item_ids.extended(ids))
    return replace(longer, segments=with_fresh(index, rows, stored, segment_of))


def replace_items(
    index: VectorIndex,
    rows: NDArray[np.int64],
    vectors: NDArray[np.float32],
    popularity: NDArray[np.float32],
    segment_of: NDArray[np.int8],
) -> VectorIndex:
    """Return the index with other vectors, popularities and pools for these rows [m].

    Raises:
        VectorIndexError: a row is outside the catalog, occurs twice or was removed, or the
            columns are unfit as in `VectorIndex.build`.
    """
    rows = np.asarray(rows)
    _check_live(index, rows)
    check_length(vectors, index.dim)
    check_columns(vectors, popularity, segment_of, len(rows), len(index.pools))
    stored = np.concatenate([vectors, popularity[:, None]], axis=1)
    return _placed(index, rows, stored, segment_of)


def remove_items(index: VectorIndex, rows: NDArray[np.int64]) -> VectorIndex:
    """Return the index in which these rows answer nobody; their ids may be added again.

    The rows stay, and so do their vectors until the index is compacted.

    Raises:
        VectorIndexError: a row is outside the catalog, occurs twice or was removed before.
    """
    rows = np.asarray(rows)
    _check_live(index, rows)
    return replace(index, segments=without(index, rows))


def restore_items(
    index: VectorIndex,
    rows: NDArray[np.int64],
    popularity: NDArray[np.float32],
    segment_of: NDArray[np.int8],
) -> VectorIndex:
    """Return the index in which removed rows [m] are answers again, with the vectors they had.

    Raises:
        VectorIndexError: a row is outside the catalog, occurs twice or isn't removed, or the
            columns are unfit as in `VectorIndex.build`.
    """
    rows = np.asarray(rows)
    check_distinct_rows(rows, index.n_items)
    if not index.removed[rows].all():
        row = int(rows[np.argmin(index.removed[rows])])
        raise VectorIndexError(f"row {row} (item {index.item_ids[row]!r}) isn't removed")
    vectors = index.vectors(rows)
    check_columns(vectors, popularity, segment_of, len(rows), len(index.pools))
    order = np.argsort(rows)
    stored = np.concatenate([vectors, popularity[:, None]], axis=1)
    segments = with_fresh(index, rows[order], stored[order], segment_of[order])
    return replace(index, segments=segments)


def reassign(
    index: VectorIndex,
    popularity: NDArray[np.float32],
    segment_of: NDArray[np.int8],
    *,
    refill: bool = True,
) -> VectorIndex:
    """Return the index with another popularity [n] and pool [n] for all rows; vectors stay.

    Entries of removed rows count for nothing. A pool in which nothing changes keeps its
    segments; where few items change, only those are written again, and where many do, their
    pools are. A pool that is written anew keeps the training and the settings of its structure,
    and is searched exactly without ``refill``, for somebody who will train another one.

    Raises:
        VectorIndexError: the columns have another length or type, or an entry isn't finite or
            names no pool.
    """
    live = ~index.removed
    before_popularity = index.popularity(np.arange(index.n_items))
    before_pool = index.pool_codes()
    for name, column, kind in (
        ("popularity", popularity, np.float32),
        ("segment_of", segment_of, np.int8),
    ):
        if column.shape != (index.n_items,) or column.dtype != kind:
            raise VectorIndexError(
                f"{name} must be {np.dtype(kind)} [{index.n_items}], one entry for each row, not "
                f"{column.dtype} {list(column.shape)}"
            )
    popularity = np.where(live, popularity, before_popularity)
    segment_of = np.where(live, segment_of, before_pool)
    if not np.isfinite(popularity).all():
        row = int(np.argmin(np.isfinite(popularity)))
        raise VectorIndexError(f"the popularity of row {row} is not finite")
    if segment_of.min() < 0 or segment_of.max() >= len(index.pools):
        raise VectorIndexError(f"segment_of must lie between 0 and {len(index.pools) - 1}")
    changed = (popularity != before_popularity) | (segment_of != before_pool)
    rows = np.flatnonzero(changed)
    if not len(rows):
        return index
    if len(rows) > MOST_MOVED * index.n_live:
        pools = np.union1d(segment_of[rows], before_pool[rows]).astype(np.int64)
        return replace(index, segments=rebuilt(index, popularity, segment_of, pools, refill=refill))
    stored = np.concatenate([index.vectors(rows), popularity[rows, None]], axis=1)
    return _placed(index, rows, stored, segment_of[rows])


def compact(index: VectorIndex, *, refill: bool = True) -> tuple[VectorIndex, NDArray[np.int64]]:
    """Return the index without removed rows, one segment a pool, and each row's old row [n].

    Rows keep their order. A pool that is one segment without tombstones keeps its vectors.
    Structures are treated as by `reassign`.

    Raises:
        VectorIndexError: every item was removed.
    """
    kept = np.flatnonzero(~index.removed)
    if not len(kept):
        raise VectorIndexError("every item was removed; an index needs at least one")
    whole = len(kept) == index.n_items
    if whole and len(index.segments) == len(index.pools) and not _tombstones(index):
        return index, kept
    pools = np.arange(len(index.pools))
    segments = rebuilt(index, None, index.pool_codes(), pools, leave_removed=True, refill=refill)
    fresh_row = np.full(index.n_items, -1, np.int64)
    fresh_row[kept] = np.arange(len(kept))
    segments = tuple(
        segment if whole else replace(segment, rows=fresh_row[segment.rows]) for segment in segments
    )
    ids = index.item_ids if whole else index.item_ids.taken(kept)
    return replace(index, segments=segments, item_ids=ids), kept


def _placed(
    index: VectorIndex,
    rows: NDArray[np.int64],
    stored: NDArray[np.float32],
    segment_of: NDArray[np.int8],
) -> VectorIndex:
    order = np.argsort(rows)
    emptied = replace(index, segments=without(index, rows))
    segments = with_fresh(emptied, rows[order], stored[order], segment_of[order])
    return replace(index, segments=segments)


def _tombstones(index: VectorIndex) -> bool:
    return any(len(segment.removed) for segment in index.segments)


def _check_live(index: VectorIndex, rows: NDArray[np.int64]) -> None:
    check_distinct_rows(rows, index.n_items)
    gone = index.removed[rows]
    if gone.any():
        row = int(rows[np.argmax(gone)])
        raise VectorIndexError(f"row {row} (item {index.item_ids[row]!r}) was removed before")
