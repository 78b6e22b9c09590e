"""A column of the catalog as filters compare it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.catalog_schema import as_dates, kind_of
from longtail.retrieval.data.filter_parser import Clause
from longtail.retrieval.errors import QueryError

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUTH = ("True", "False")
# Up to this a float is every integer.
_EXACT = 2**53
# No float is larger than this.
_LARGEST = 2**1023


class FilterColumn:
    """Cells and what they hold, which is found out once.

    >>> prices = FilterColumn(pd.Series([2.5, None, 9.0]))
    >>> prices.passing(Clause("price<5", "price", "<", ("5",))).tolist()
    [True, False, False]
    """

    def __init__(self, cells: pd.Series[Any]) -> None:
        self.cells = cells

    @cached_property
    def kind(self) -> str:
        """Number, date, boolean or text (`kind_of`)."""
        return kind_of(self.cells)

    @cached_property
    def dates(self) -> pd.Series[Any] | None:
        """The cells as dates, None where most are none (`as_dates`)."""
        return as_dates(self.cells)

    @cached_property
    def text(self) -> pd.Series[Any]:
        """The cells as text; an empty one is spelt somehow."""
        return self.cells.astype("str")

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Which cells aren't empty, bool [n]."""
        return np.asarray(self.cells.notna(), bool)

    def passing(self, clause: Clause) -> NDArray[np.bool_]:
        """Return the cells that pass a condition, bool [n].

        Raises:
            QueryError: a comparison that the column doesn't allow.
        """
        if clause.operator == "~":
            held = self.text.str.contains(clause.values[0], case=False, regex=False, na=False)
            return np.asarray(held, bool) & self.there
        if clause.operator in COMPARE:
            return self._compared(clause)
        equal = self._equal(clause)
        return equal if clause.operator in ("=", "in") else ~equal

    def _equal(self, clause: Clause) -> NDArray[np.bool_]:
        if self.kind == "boolean":
            return self._truth(clause)
        dates = self.dates if self.kind == "date" else None
        # One by one: a list with a decimal in it would turn large integers into floats.
        if self.kind == "number":
            same = [self.cells == _number(value, clause) for value in clause.values]
        elif dates is not None:
            same = [dates == _date(value, clause, dates) for value in clause.values]
        else:
            return np.asarray(self.text.isin(clause.values), bool) & self.there
        return np.asarray(np.logical_or.reduce([_known(mask) for mask in same]), dtype=bool)

    def _truth(self, clause: Clause) -> NDArray[np.bool_]:
        spellings = [value.capitalize() for value in clause.values]
        if unknown := [v for v, w in zip(clause.values, spellings, strict=True) if w not in _TRUTH]:
            raise _misfit(clause, f"true or false, and {unknown[0]!r} is neither")
        return np.asarray(self.text.isin(spellings), dtype=bool)

    def _compared(self, clause: Clause) -> NDArray[np.bool_]:
        compare, value = COMPARE[clause.operator], clause.values[0]
        if self.kind == "number":
            return _known(compare(self.cells, _number(value, clause)))
        if self.kind == "boolean":
            raise _misfit(clause, f"true or false; {clause.operator} compares numbers (use =)")
        if self.dates is not None:
            return _known(compare(self.dates, _date(value, clause, self.dates)))
        raise _misfit(
            clause, f"text; {clause.operator} compares numbers and dates (use =, in or ~)"
        )


def _known(mask: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return a mask in which what isn't known doesn't hold."""
    return np.asarray(mask.to_numpy(dtype=bool, na_value=False), dtype=bool)


def _misfit(clause: Clause, held: str) -> QueryError:
    return QueryError(Field("where"), f" {clause.text!r}: column {clause.column!r} holds {held}")


def _number(value: str, clause: Clause) -> float | int:
    """Return a number as exactly as it is written: beyond 2^53 a float is another integer."""
    try:
        whole = int(value)
    except ValueError:
        pass
    else:
        return whole if abs(whole) < _LARGEST else math.inf * (1 if whole > 0 else -1)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise _misfit(clause, f"numbers, and {value!r} is none")
    if abs(number) > _EXACT and math.isfinite(number):
        # Written with a point or an exponent it may be an integer all the same.
        exact = Decimal(value.strip())
        return int(exact) if exact == exact.to_integral_value() else number
    return number


def _date(value: str, clause: Clause, cells: pd.Series[Any]) -> pd.Timestamp:
    # "now" is ISO 8601 to pandas, too.
    try:
        date = pd.to_datetime(value if value[:1].isdigit() else "", format="ISO8601")
    except ValueError:
        date = pd.NaT  # type: ignore[assignment]
    if pd.isna(date):
        raise _misfit(clause, f"dates, and {value!r} is none; write it like 2024-01-31")
    zone = cells.dt.tz
    if (date.tzinfo is None) == (zone is None):
        return date
    # A time without a zone is one of the column's; a column without zones is UTC.
    return date.tz_localize(zone) if zone else date.tz_convert("UTC").tz_localize(None)
