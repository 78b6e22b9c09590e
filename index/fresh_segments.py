"""Segments of changed items: appended, merged with other small ones, or written anew.

A changed item leaves a tombstone where it lay and is stored again in a new segment of its pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.ann_index import AnnIndex
from longtail.index.search.segment import Segment
from longtail.index.vector_index import ROWS_AT_ONCE, VectorIndex
from longtail.index.vectors.stored_vectors import StoredVectors

UPDATE = re.compile(r".+\+(\d{4,})")


class _Part(NamedTuple):
    rows: NDArray[np.int64]
    stored: NDArray[np.float32]
    removed: NDArray[np.bool_]


def without(index: VectorIndex, rows: NDArray[np.int64]) -> tuple[Segment, ...]:
    """Return the segments with tombstones on these rows."""
    code, position = index.locations.of_rows(rows)
    segments = list(index.segments)
    for number in np.unique(code).tolist():
        removed = np.union1d(segments[number].removed, position[code == number])
        segments[number] = replace(segments[number], removed=removed)
    return tuple(segments)


def with_fresh(
    index: VectorIndex,
    rows: NDArray[np.int64],
    stored: NDArray[np.float32],
    segment_of: NDArray[np.int8],
) -> tuple[Segment, ...]:
    """Return the segments and, in new ones at the end, these rows, ascending, by their pool.

    ``stored`` is ``[vector ; popularity]`` [m, d + 1]. A pool's later segments that are no
    longer than what comes after them are merged with it: n additions leave some log2(n)
    segments, and an item is written again as few times.
    """
    segments = dict(enumerate(index.segments))
    for code in np.unique(segment_of).tolist():
        pool, here = index.pools[code], segment_of == code
        parts = [_Part(rows[here], stored[here], np.zeros(int(here.sum()), bool))]
        size = len(parts[0].rows)
        for number, segment in reversed(list(enumerate(index.segments))):
            if segment.pool != pool:
                continue
            if not UPDATE.fullmatch(segment.name) or len(segment) > size:
                break
            parts.append(_content(index, number, rows))
            size += len(parts[-1].rows)
            del segments[number]
        segments[len(index.segments) + code] = _joined(index, pool, parts)
    return tuple(segments.values())


def rebuilt(
    index: VectorIndex,
    popularity: NDArray[np.float32] | None,
    segment_of: NDArray[np.int8],
    pools: NDArray[np.int64],
    *,
    leave_removed: bool = False,
    refill: bool = True,
) -> tuple[Segment, ...]:
    """Return segments in which each of these pools is one; those of other pools stay.

    ``popularity`` [n] takes the place of the stored one, ``segment_of`` [n] says each row's
    pool. Removed rows keep their tombstones, or are left out. With ``refill`` a pool that had a
    structure has it again.
    """
    removed, segments = index.removed, []
    kept = [s for s in index.segments if index.pools.index(s.pool) not in pools]
    for code in pools.tolist():
        rows = np.flatnonzero(segment_of == code)
        if leave_removed:
            rows = rows[~removed[rows]]
        of_pool = [s for s in index.segments if s.pool == index.pools[code]]
        if popularity is None and len(of_pool) == 1 and np.array_equal(of_pool[0].rows, rows):
            segments.append(replace(of_pool[0], removed=np.empty(0, np.int64)))
            continue
        blocks = _stored_blocks(index, rows, popularity)
        vectors = StoredVectors.of_blocks(blocks, len(rows), index.dim, index.storage)
        tombstones = np.flatnonzero(removed[rows])
        ann = _refilled(of_pool, vectors) if refill else None
        pool = index.pools[code]
        segments.append(Segment(pool, rows, vectors, pool, tombstones, ann))
    return (*kept, *segments)


def _content(index: VectorIndex, number: int, changed: NDArray[np.int64]) -> _Part:
    """Return what a segment truly holds, removed rows counted, but for the changed rows."""
    segment = index.segments[number]
    held = index.locations.held_by(number, segment) & ~np.isin(segment.rows, changed)
    positions = np.flatnonzero(held)
    rows = segment.rows[positions]
    return _Part(rows, segment.full(positions), np.isin(positions, segment.removed))


def _refilled(before: Sequence[Segment], vectors: StoredVectors) -> AnnIndex | None:
    """Return the structure that one of these had, over all the vectors; None where none had.

    A pool that lost half of what the structure held is read exactly.
    """
    for segment in before:
        if segment.ann is not None and 2 * len(vectors) > len(segment):
            return segment.ann.refilled(vectors)
    return None


def _stored_blocks(
    index: VectorIndex, rows: NDArray[np.int64], popularity: NDArray[np.float32] | None
) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        stored = index.stored(block)
        if popularity is not None:
            stored[:, -1] = popularity[block]
        yield stored


def _joined(index: VectorIndex, pool: str, parts: list[_Part]) -> Segment:
    rows, stored, removed = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(rows)
    name = f"{pool}+{_next_number(index):04d}"
    segment = Segment.of_vectors(name, rows[order], stored[order], pool=pool, storage=index.storage)
    return replace(segment, removed=np.flatnonzero(removed[order]))


def _next_number(index: VectorIndex) -> int:
    matches = [UPDATE.fullmatch(segment.name) for segment in index.segments]
    return 1 + max([1, *(int(match[1]) for match in matches if match)])
