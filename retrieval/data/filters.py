"""Attribute filters: ``brand=OPI``, ``price<20 and size in (S, M)``, ``categories~nail``."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.catalog_schema import as_dates, kind_of
from longtail.retrieval.data.filter_parser import Clause, read_clauses
from longtail.retrieval.errors import QueryError

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def where_mask(
    frame: pd.DataFrame,
    filters: Sequence[str],
    own_names: Mapping[str, str] = MappingProxyType({}),
) -> NDArray[np.bool_]:
    """Return the catalog rows that pass every filter, bool [n].

    A filter is one condition, or several joined by ``and`` or a comma (`read_clauses`):
    ``COLUMN=VALUE`` (several values with ``|``), ``!=``, ``in (A, B)``, ``not in (A, B)``,
    ``<``, ``<=``, ``>``, ``>=`` for numbers and dates, and ``~`` for "contains, whatever the
    case". A missing cell passes only ``!=`` and ``not in``. ``own_names`` are other names of
    columns, to the frame's own.

    Raises:
        QueryError: a condition that can't be read, an unknown column, a comparison of text.

    >>> shop = pd.DataFrame({"brand": ["OPI", "Essie", None], "price": [9.0, 12.5, 3.0]})
    >>> where_mask(shop, ["brand in (OPI, Essie) and price<10"]).tolist()
    [True, False, False]
    """
    passes = np.ones(len(frame), bool)
    columns = [str(column) for column in frame.columns]
    for text in filters:
        for clause in read_clauses(text, [*columns, *own_names]):
            if clause.column not in columns and clause.column in own_names:
                clause = replace(clause, column=own_names[clause.column])
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
    kind = kind_of(cells)
    if kind == "boolean":
        spellings = [value.capitalize() for value in clause.values]
        if unknown := [v for v, w in zip(clause.values, spellings, strict=True) if w not in _TRUTH]:
            raise _misfit(clause, f"true or false, and {unknown[0]!r} is neither")
        return np.asarray(cells.astype("str").isin(spellings), dtype=bool)
    dates = as_dates(cells) if kind == "date" else None
    # One by one: a list with a decimal in it would turn large integers into floats.
    if kind == "number":
        same = [cells == _number(value, clause) for value in clause.values]
    elif dates is not None:
        same = [dates == _date(value, clause, dates) for value in clause.values]
    else:
        same = [cells.astype("str").isin(clause.values) & cells.notna()]
    return np.asarray(np.logical_or.reduce([_known(mask) for mask in same]), dtype=bool)


def _compared(cells: pd.Series[Any], clause: Clause) -> NDArray[np.bool_]:
    kind, compare, value = kind_of(cells), COMPARE[clause.operator], clause.values[0]
    if kind == "number":
        mask = compare(cells, _number(value, clause))
    elif kind == "boolean":
        raise _misfit(clause, f"true or false; {clause.operator} compares numbers (use =)")
    elif (dates := as_dates(cells)) is not None:
        mask = compare(dates, _date(value, clause, dates))
    else:
        raise _misfit(
            clause, f"text; {clause.operator} compares numbers and dates (use =, in or ~)"
        )
    return _known(mask)


def _known(mask: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return a mask in which what isn't known doesn't hold."""
    return np.asarray(mask.to_numpy(dtype=bool, na_value=False), dtype=bool)


_TRUTH = ("True", "False")


def _misfit(clause: Clause, held: str) -> QueryError:
    return QueryError(Field("where"), f" {clause.text!r}: column {clause.column!r} holds {held}")


def _number(value: str, clause: Clause) -> float | int:
    """Return a number as exactly as it is written: beyond 2^53 a float is another integer."""
    try:
        return int(value)
    except ValueError:
        pass
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
