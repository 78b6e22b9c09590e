"""A frame of any library as an Arrow table that a file can hold, the frame left as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from longtail.python.failures import MisuseError

# What a cell of a column of objects may be; a file would hold the text of it.
_PLAIN = (str, int, float, bool, Decimal, date, datetime, UUID, np.generic)
_SHOWN_NAMES = 3


def as_table(frame: Any, name: str) -> Any:
    """Return a frame as an Arrow table of plain columns; ``name`` is what messages call it.

    Taken are pandas, whatever speaks Arrow's C stream (polars, Arrow itself, DuckDB, ...), and
    whatever speaks the interchange protocol. A pandas index that has a name is a column, as
    ``reset_index`` makes it; one without is left out. Categories become their values.

    Raises:
        MisuseError: it is no frame, or has a MultiIndex, two columns of one name, or none.
    """
    if isinstance(frame, pd.DataFrame):
        table = _of_pandas(frame, name)
    elif hasattr(frame, "__arrow_c_stream__") and not isinstance(frame, pd.Series):
        table = _of_stream(frame, name)
    elif hasattr(frame, "collect") and not hasattr(frame, "__dataframe__"):
        raise MisuseError(f"{name} is a lazy frame; collect it first: {name}.collect()")
    elif hasattr(frame, "__dataframe__"):
        from pyarrow.interchange import from_dataframe

        table = from_dataframe(frame)
    else:
        raise MisuseError(f"{name} is {_kind(frame)}; give a data frame or the path of a file")
    _check_names([str(column) for column in table.column_names], name)
    columns = {label: _plain(table.column(i)) for i, label in enumerate(table.column_names)}
    return pa.table(columns)


def _of_stream(frame: Any, name: str) -> Any:
    try:
        return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise MisuseError(
            f"{name} is {_kind(frame)}, which isn't a table ({_line(error)}); give a data frame"
        ) from error


def _of_pandas(frame: pd.DataFrame, name: str) -> Any:
    for axis, what in ((frame.index, "index"), (frame.columns, "columns")):
        if isinstance(axis, pd.MultiIndex):
            help_with = (
                f"{name}.reset_index()"
                if what == "index"
                else "one name a column, e.g. '_'.join(name)"
            )
            raise MisuseError(f"{name} has a MultiIndex as its {what}; make it plain: {help_with}")
    labels = [str(label) for label in frame.columns]
    _check_names(labels, name)
    columns = {label: _of_series(frame.iloc[:, i], label, name) for i, label in enumerate(labels)}
    named = frame.index.name
    if named is not None:
        if str(named) in columns:
            raise MisuseError(
                f"{name} has an index and a column of the name {str(named)!r}; drop one: "
                f"{name}.reset_index(drop=True)"
            )
        # In front, where `reset_index` puts it.
        index = _of_series(frame.index.to_series(), str(named), name)
        columns = {str(named): index, **columns}
    return pa.table(columns)


def _of_series(series: pd.Series[Any], label: str, name: str) -> Any:
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype):
        raise MisuseError(
            f"{name}: column {label} holds {series.dtype}; write it as text: .astype(str)"
        )
    if isinstance(series.dtype, pd.SparseDtype):
        series = series.astype(series.dtype.subtype)
    try:
        return pa.chunked_array([_array(series)])
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if series.dtype != object:
            raise MisuseError(
                f"{name}: column {label} holds {series.dtype}, which no file can ({_line(error)})"
            ) from error
    texts = [_text(value, label, name) for value in series]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _array(series: pd.Series[Any]) -> Any:
    array = pa.Array.from_pandas(series)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _text(value: object, label: str, name: str) -> str | None:
    """Return a cell of a column of many kinds as a text file would have it."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float | np.floating) and np.isnan(value):
        return None
    if isinstance(value, bytes) or not isinstance(value, _PLAIN):
        raise MisuseError(
            f"{name}: column {label} holds {_kind(value)} among others; write it as text"
        )
    return str(value)


def _plain(column: Any) -> Any:
    """Return a column without codes and views: what every reader of files takes."""
    kind = column.type
    types = pa.types
    if types.is_dictionary(kind):
        # Not by a cast: there is none from codes to views.
        values = [_plain(chunk.dictionary).take(chunk.indices) for chunk in column.chunks]
        return pa.chunked_array(values, type=None if values else _plain_type(kind.value_type))
    return column.cast(pa.string()) if types.is_string_view(kind) else column


def _plain_type(kind: Any) -> Any:
    return pa.string() if pa.types.is_string_view(kind) else kind


def _check_names(labels: Sequence[str], name: str) -> None:
    if not labels:
        raise MisuseError(f"{name} has no columns")
    repeated = [label for label, count in Counter(labels).items() if count > 1]
    if repeated:
        shown = ", ".join(map(repr, repeated[:_SHOWN_NAMES]))
        raise MisuseError(f"{name} has two columns named {shown}; rename or drop one")


def _kind(value: object) -> str:
    """Return what something is, in words.

    >>> _kind({}), _kind(x for x in ())
    ('a dict', 'a generator')
    """
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
