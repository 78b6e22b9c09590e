"""Attribute filters: ``brand=OPI``, ``price<20 and size in (S, M)``, ``categories~nail``."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.filter_parser import Clause, read_clauses
from longtail.retrieval.errors import QueryError

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def where_mask(frame: pd.DataFrame, filters: Sequence[str]) -> NDArray[np.bool_]:
    """Return the catalog rows that pass every filter, bool [n].

    A filter is one condition, or several joined by ``and`` or a comma (`read_clauses`):
    ``COLUMN=VALUE`` (several values with ``|``), ``!=``, ``in (A, B)``, ``not in (A, B)``,
    ``<``, ``<=``, ``>``, ``>=`` for numbers and dates, and ``~`` for "contains, whatever the
    case". A missing cell passes only ``!=`` and ``not in``.

    Raises:
        QueryError: a condition that can't be read, an unknown column, a comparison of text.

    >>> shop = pd.DataFrame({"brand": ["OPI", "Essie", None], "price": [9.0, 12.5, 3.0]})
    >>> where_mask(shop, ["brand in (OPI, Essie) and price<10"]).tolist()
    [True, False, False]
    """
    passes = np.ones(len(frame), bool)
    columns = [str(column) for column in frame.columns]
    for text in filters:
        for clause in read_clauses(text, columns):
            passes &= _clause_mask(frame, clause, columns)
    return passes


def _clause_mask(frame: pd.DataFrame, clause: Clause, columns: Sequence[str]) -> NDArray[np.bool_]:
    if clause.column not in columns:
        near = difflib.get_close_matches(clause.column, columns, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise QueryError(
            Field("where"),
            f" {clause.text!r}: the catalog has no column {clause.column!r}{hint} "
            f"It has: {', '.join(columns)}",
        )
    cells = frame[clause.column]
    if clause.operator == "~":
        mask = cells.astype("str").str.contains(clause.values[0], case=False, regex=False, na=False)
        return np.asarray(mask & cells.notna(), dtype=bool)
    if clause.operator in COMPARE:
        return _compared(cells, clause)
    equal = _equal(cells, clause)
    return equal if clause.operator in ("=", "in") else ~equal


def _equal(cells: pd.Series[Any], clause: Clause) -> NDArray[np.bool_]:
    kinds = pd.api.types
    # Truth values with gaps are a column of objects.
    gaps = cells.dtype == object and kinds.infer_dtype(cells, skipna=True) == "boolean"
    if kinds.is_bool_dtype(cells) or gaps:
        spellings = [value.capitalize() for value in clause.values]
        if unknown := [v for v, w in zip(clause.values, spellings, strict=True) if w not in _TRUTH]:
            raise _misfit(clause, f"true or false, and {unknown[0]!r} is neither")
        return np.asarray(cells.astype("str").isin(spellings), dtype=bool)
    if kinds.is_numeric_dtype(cells):
        return np.asarray(cells.isin([_number(v, clause) for v in clause.values]), dtype=bool)
    if kinds.is_datetime64_any_dtype(cells):
        wanted_dates = [_date(value, clause, cells) for value in clause.values]
        return np.asarray(cells.isin(wanted_dates), dtype=bool)
    return np.asarray(cells.astype("str").isin(clause.values) & cells.notna(), dtype=bool)


def _compared(cells: pd.Series[Any], clause: Clause) -> NDArray[np.bool_]:
    kinds, compare = pd.api.types, COMPARE[clause.operator]
    if kinds.is_datetime64_any_dtype(cells):
        return np.asarray(compare(cells, _date(clause.values[0], clause, cells)), dtype=bool)
    if not kinds.is_numeric_dtype(cells) or kinds.is_bool_dtype(cells):
        held = "true or false" if kinds.is_bool_dtype(cells) else "text"
        why = f"{clause.operator} compares numbers (use =, in or ~)"
        raise _misfit(clause, f"{held}; {why}")
    numbers = cells.to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(compare(numbers, _number(clause.values[0], clause)), dtype=bool)


_TRUTH = ("True", "False")


def _misfit(clause: Clause, held: str) -> QueryError:
    return QueryError(Field("where"), f" {clause.text!r}: column {clause.column!r} holds {held}")


def _number(value: str, clause: Clause) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if np.isnan(number):
        raise _misfit(clause, f"numbers, and {value!r} is none")
    return number


def _date(value: str, clause: Clause, cells: pd.Series[Any]) -> pd.Timestamp:
    try:
        date = pd.Timestamp(value)
    except ValueError:
        date = pd.NaT  # type: ignore[assignment]
    if pd.isna(date):
        raise _misfit(clause, f"dates, and {value!r} is none; write it like 2024-01-31")
    zone = cells.dt.tz
    return date if (date.tzinfo is None) == (zone is None) else date.tz_localize(zone)
