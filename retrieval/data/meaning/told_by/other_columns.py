"""Rows told by an amount, and columns that may say something and aren't read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.meaning.behaviours import REJECTED, TAKEN
from longtail.retrieval.data.meaning.row_meanings import RowMeanings
from longtail.retrieval.data.meaning.value_meaning import DistinctValues

# A status has no more values than that.
_FEW = 20
# Minus signs of every kind, and an accountant's brackets.
_NEGATIVE = r"^\s*(?:[-−–]\s*0*[.,]?0*[1-9]|\(\s*\d|0*[1-9][\d.,]*\s*-\s*$)"


def tell_by_quantity(rows: RowMeanings, column: str, cells: Any) -> None:
    """Let an amount below 0 say that the item came back."""
    text = as_text(cells).text
    negative = np.asarray(pc.match_substring_regex(text, _NEGATIVE), np.bool_)
    back = negative & (rows.code == TAKEN)
    rows.code = np.where(back, np.int8(REJECTED), rows.code)
    rows.found_out(column, "<0", int(back.sum()), REJECTED)


def name_status(rows: RowMeanings, column: str, cells: Any) -> None:
    """Say that a status isn't read, unless somebody filters by it."""
    values = DistinctValues.of(cells)
    spoken_of = any(column in text for text in rows.reading.keep)
    if 1 < len(values.names) <= _FEW and not spoken_of:
        rows.notes.append(
            f"{rows.path}: column {column} isn't read: {values.listed()}; where some of these "
            "rows are no purchases, keep the others with a filter on it (--keep)"
        )
