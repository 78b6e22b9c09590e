"""Rows of a log that somebody wants to keep, by what other columns say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.filter_parser import read_clauses
from longtail.retrieval.data.filters import where_mask
from longtail.retrieval.errors import DataError, QueryError

# Of a column with at least this share of numbers, the others are none.
_NUMERIC = 0.9


def columns_of(path: Path, filters: Sequence[str], present: Sequence[str]) -> list[str]:
    """Return the columns of a file that filters speak of.

    Raises:
        DataError: a filter can't be read, or speaks of a column that isn't there.
    """
    try:
        found = [clause.column for text in filters for clause in read_clauses(text, present)]
    except QueryError as error:
        raise DataError(Field("keep"), f": {error}") from error
    if missing := [column for column in found if column not in present]:
        raise DataError(
            Field("keep"),
            f" names the column {missing[0]!r}, which {path} lacks; it has: {', '.join(present)}",
        )
    return list(dict.fromkeys(found))


def kept_rows(columns: Mapping[str, Any], filters: Sequence[str]) -> NDArray[np.bool_]:
    """Return which rows pass all filters, bool [n]; ``columns`` are Arrow columns by name.

    Filters are those of queries: ``Quantity>0 and status=paid``.

    Raises:
        DataError: a comparison of text.
    """
    frame = pd.DataFrame({name: _typed(cells) for name, cells in columns.items()})
    try:
        return where_mask(frame, filters)
    except QueryError as error:
        raise DataError(Field("keep"), f": {error}") from error


def _typed(cells: Any) -> pd.Series[Any]:
    text = pd.Series(as_text(cells).text.to_pylist(), dtype="str").str.strip()
    text = text.mask(text == "")
    numbers = pd.to_numeric(text, errors="coerce")
    # A few unreadable cells among numbers pass nothing.
    return numbers if numbers.notna().sum() >= _NUMERIC * max(text.notna().sum(), 1) else text
