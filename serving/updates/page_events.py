"""What pages of events say in the rows of a version."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.event_log.event_pages import EventPages
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.run.bundle import Bundle
from longtail.serving.updates.logged_events import in_log

# Events that are looked up in the log at once.
_AT_ONCE = 1 << 19


def first_takings(
    bundle: Bundle, pages: EventPages
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield rows and times of first takings that the log of a version doesn't hold, int64 [n]."""
    ids = pa.array(bundle.log.user_ids.tolist(), pa.string())
    in_ids = pc.fill_null(pc.index_in(pages.user_ids, value_set=ids), -1)
    position = np.asarray(in_ids, np.int64)
    rows = bundle.catalog.rows_of(pages.item_ids.to_pylist()).astype(np.int64)
    for start in range(0, len(pages), _AT_ONCE):
        part = np.flatnonzero(pages.first[start : start + _AT_ONCE]) + start
        user = np.searchsorted(pages.starts, part, side="right") - 1
        row, time = rows[pages.item[part]], pages.time[part]
        code = np.full(len(part), TAKEN, np.int8)
        counted = (row >= 0) & ~in_log(bundle, position[user], row, time, code)
        yield row[counted], time[counted]
