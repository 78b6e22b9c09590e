"""Items of a new file in the columns of a catalog that stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from longtail.retrieval.errors import DataError

# Where so many of a text's cells are dates, the others are dates that nobody knew.
_DATED_SHARE = 0.8


def conformed(
    items: pd.DataFrame, frame: pd.DataFrame, *, missing: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return items with the columns of a catalog and their kinds of values.

    Columns that the catalog lacks are left out. Columns that the items lack are empty, or those
    of ``missing``, line by line.

    Raises:
        DataError: a column of numbers, truth values or dates holds something else.

    >>> shop = pd.DataFrame({"item_id": ["a"], "title": ["Tea"], "price": [2.5]})
    >>> conformed(pd.DataFrame({"item_id": ["7"], "title": ["Pot"], "shelf": [3]}), shop)
      item_id title  price
    0       7   Pot    NaN
    """
    columns = {}
    for name, like in frame.items():
        if name not in items:
            columns[name] = (
                pd.Series([None] * len(items)).astype(_nullable(like))
                if missing is None
                else missing[name]
            )
        else:
            columns[name] = _as_kind(str(name), items[name].reset_index(drop=True), like)
    return pd.DataFrame(columns)


def kind_of(cells: pd.Series[Any]) -> str:
    """Return what a column holds: number, date, boolean or text.

    >>> kind_of(pd.Series([True, None], dtype=object)), kind_of(pd.Series(["a", None]))
    ('boolean', 'text')
    """
    kinds = pd.api.types
    if kinds.is_bool_dtype(cells.dtype):
        return "boolean"
    if kinds.is_numeric_dtype(cells.dtype):
        return "number"
    if kinds.is_datetime64_any_dtype(cells.dtype):
        return "date"
    # With gaps, truth values and days are a column of objects.
    held = kinds.infer_dtype(cells, skipna=True) if cells.dtype == object else ""
    return {"boolean": "boolean", "date": "date", "datetime": "date"}.get(held, "text")


def as_dates(cells: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return cells as dates, or None where most are none; a cell that is none is NaT.

    Dates are a column of times, of days, or of ISO 8601 text; text without a zone is UTC.

    >>> as_dates(pd.Series(["2024-01-31", None])).dt.day.tolist()
    [31.0, nan]
    """
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells
    written = cells.astype("str").where(cells.notna(), "").str.strip()
    # "now" is ISO 8601 to pandas, too.
    digits = written.where(written.str.match(r"\d"), "")
    dates = pd.to_datetime(digits, format="ISO8601", utc=True, errors="coerce")
    wanted = _DATED_SHARE * (written != "").sum()
    return dates if 0 < wanted <= dates.notna().sum() else None


def _as_kind(name: str, cells: pd.Series[Any], like: pd.Series[Any]) -> pd.Series[Any]:
    kind = kind_of(like)
    if kind == "text":
        text = cells.astype("str")
        return text.where(cells.notna(), None) if cells.isna().any() else text
    if kind == kind_of(cells):
        return _as_numbers(name, cells, like) if kind == "number" else cells
    if not cells.astype("str").where(cells.notna(), "").str.strip().any():
        return pd.Series([None] * len(cells)).astype(_nullable(like))
    dates = as_dates(cells) if kind == "date" else None
    if dates is not None and (dates.isna() == cells.isna()).all():
        zoned: pd.Series[Any] = dates.dt.tz_convert(like.dt.tz if _has_zone(like) else None)
        return zoned
    what = {"boolean": "truth values", "date": "dates"}.get(kind, "numbers")
    raise DataError(
        f"column {name!r} holds {what} in the run's catalog, and something else in the new file "
        f"({cells.iloc[0]!r}, for one); mend the column or leave it out"
    )


def _as_numbers(name: str, cells: pd.Series[Any], like: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers that are the same ones beside those of a column: none is rounded.

    Raises:
        DataError: one can't be told from its neighbours among the column's.
    """
    kinds = pd.api.types
    if kinds.is_integer_dtype(like):
        whole = _nullable(like)
        try:
            return cells.astype(whole)
        except (TypeError, ValueError, OverflowError):
            if not _holds_large_integers(like):
                return cells
        raise _rounded(name, cells, f"whole numbers beyond {2**53:,}")
    if _holds_large_integers(cells):
        raise _rounded(name, cells, "numbers as floats")
    # In single precision as the others: else 4.99 would be another number here than there.
    with np.errstate(over="ignore"):
        same = cells.astype(like.dtype)
    if np.isinf(same.to_numpy(float, na_value=0.0)).any() and kinds.is_float_dtype(cells):
        raise _rounded(name, cells, f"numbers of type {like.dtype}")
    return same


def _rounded(name: str, cells: pd.Series[Any], held: str) -> DataError:
    return DataError(
        f"column {name!r} holds {held} in the run's catalog, beside which a number of the new "
        f"file can't be kept as it is ({cells.iloc[0]}, for one); mend the column or leave it out"
    )


def _nullable(like: pd.Series[Any]) -> Any:
    """Return a type like a column's that can hold an empty cell."""
    if pd.api.types.is_bool_dtype(like):
        return object
    if pd.api.types.is_integer_dtype(like):
        return "UInt64" if pd.api.types.is_unsigned_integer_dtype(like) else "Int64"
    return like.dtype


def _holds_large_integers(cells: pd.Series[Any]) -> bool:
    """Return whether a column holds integers that a float can't tell apart."""
    if not pd.api.types.is_integer_dtype(cells) or not len(cells):
        return False
    smallest, largest = cells.min(), cells.max()
    return bool(pd.notna(largest) and (largest > 2**53 or smallest < -(2**53)))


def _has_zone(cells: pd.Series[Any]) -> bool:
    return pd.api.types.is_datetime64_any_dtype(cells) and cells.dt.tz is not None
