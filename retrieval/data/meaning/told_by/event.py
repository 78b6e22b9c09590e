"""Rows told by an event's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.meaning.behaviours import MEANINGS, SEEN, TAKEN
from longtail.retrieval.data.meaning.event_names import EventNames
from longtail.retrieval.data.meaning.row_meanings import RowMeanings
from longtail.retrieval.data.meaning.value_meaning import DistinctValues
from longtail.retrieval.errors import DataError

# A column of more values holds no types of events.
_MOST_TYPES = 100


def tell_by_event(
    rows: RowMeanings, column: str, cells: Any, positive: Sequence[str] | None
) -> None:
    """Let an event column say what the rows mean; ``positive`` are the events named as taken.

    Raises:
        DataError: an event whose meaning nobody knows, or one that was named and isn't there.
    """
    values = DistinctValues.of(cells)
    known = EventNames.of(rows.reading.events, positive)
    told = [known.meaning(name) for name in values.names]
    missing = (known.wanted or frozenset()) - {plain_name(name) for name in values.names}
    if missing and not rows.reading.trained:
        raise DataError(
            Field("positive"),
            f" event={min(missing)}: {rows.path} has no such event; column {column} holds "
            f"{values.listed()}",
        )
    unknown = [place for place, meaning in enumerate(told) if meaning is None]
    if len(unknown) == len(told) and not (rows.reading.events or positive):
        _no_events(rows, column, values)
        return
    if unknown:
        raise DataError(
            f"{rows.path}: column {column} holds events whose meaning nobody knows: "
            f"{values.listed(unknown)}; say what each is with ",
            Field("event"),
            " NAME=seen (or taken, rejected, dropped, had, shown), or which of all are taken with ",
            Field("positive"),
            " event=NAME,NAME",
        )
    blank = values.of_rows(np.array([not name for name in values.names], np.bool_))
    if blank.any():
        rows.refused.append((column, "no event", blank))
    codes = np.array([MEANINGS.index(meaning or "taken") for meaning in told], np.int8)
    by_itself = known == EventNames() and not rows.reading.trained
    if by_itself and (codes != TAKEN).all() and (codes == SEEN).any():
        # A news site's log of clicks: the strongest sign there is has to be the target.
        codes[codes == SEEN] = TAKEN
        rows.notes.append(
            f"{rows.path}: no event says that an item was taken, so what was looked at counts "
            "as taken"
        )
    rows.code = values.of_rows(codes)
    for place in values.by_count:
        name = values.names[place]
        rows.found_out(column, name or "(blank)", int(values.counts[place]), int(codes[place]))
        if name:
            rows.told.events.setdefault(name, MEANINGS[codes[place]])


def _no_events(rows: RowMeanings, column: str, values: DistinctValues) -> None:
    if len(values.names) < 2:
        return
    what = f"{rows.path}: column {column} holds {values.listed()}"
    if len(values.names) <= _MOST_TYPES and plain_name(column) != "type":
        # A code of 0 to 3 may well say which rows are purchases.
        raise DataError(
            f"{what}: no usual names of events; say which are taken with ",
            Field("positive"),
            f" event={values.names[values.by_count[-1]]}, or that they are no events with ",
            Field("column"),
            " event=none",
        )
    rows.notes.append(f"{what}; it isn't read, and every row counts as taken")
