"""Items that are kept out of answers until somebody has looked at them.

They are in the catalog, with their vectors and all that is known of them, and in no pool: the
index bears a tombstone on them, as on removed ones, and takes it off when they are released.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.index.updates import remove_items, restore_items
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.errors import DataError
from longtail.retrieval.run.catalog_state import CatalogState
from longtail.retrieval.run.served_run import ServedRun

_SHOWN = 3


def quarantined_ids(served: ServedRun) -> list[str]:
    """Return the quarantined items, in the order of the catalog."""
    held = served.state.quarantined
    return [] if held is None else [str(i) for i in served.bundle.catalog.item_ids[held]]


def released(served: ServedRun, item_ids: Sequence[str] | None) -> ServedRun:
    """Return the run in which these items may be answers again; None: all quarantined ones.

    Raises:
        DataError: one of them isn't quarantined, or none is.
    """
    held = quarantined_ids(served)
    chosen = held if item_ids is None else list(item_ids)
    others = set(chosen).difference(held)
    if not held:
        raise DataError("no item is quarantined; there is nothing to release")
    if others:
        first = next(i for i in chosen if i in others)
        shown = ", ".join(map(repr, held[:_SHOWN]))
        more = f" and {len(held) - _SHOWN:,} more" if len(held) > _SHOWN else ""
        raise DataError(f"item {first!r} isn't quarantined; {shown}{more} can be released")
    rows = np.unique(served.bundle.catalog.rows_of(chosen))
    index = opened(served, rows)
    return ServedRun.of(served.trained, index, served.state.with_quarantined(rows, False))


def opened(served: ServedRun, rows: NDArray[np.int64] | None = None) -> VectorIndex:
    """Return the index in which quarantined items, or those of these rows, are as all others."""
    held = served.state.quarantined
    if held is None:
        return served.index
    there = np.flatnonzero(held) if rows is None else np.unique(rows[held[rows]])
    if not len(there):
        return served.index
    popularity = served.bundle.popularity
    return restore_items(served.index, there, popularity.centred[there], popularity.bucket[there])


def withheld(index: VectorIndex, state: CatalogState) -> VectorIndex:
    """Return the index in which what is removed or quarantined answers nobody.

    Raises:
        DataError: nothing would be left.
    """
    gone = state.withheld
    if len(gone) and gone.all():
        raise DataError("no item would be left to answer with; release some, or add others")
    rows = np.flatnonzero(gone & ~index.removed)
    return remove_items(index, rows) if len(rows) else index
