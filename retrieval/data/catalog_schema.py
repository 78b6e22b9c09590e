"""Items of a new file in the columns of a catalog that stands."""

from __future__ import annotations

from typing import Any

import pandas as pd

from longtail.retrieval.errors import DataError


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
    """Return what a column holds: number, date, boolean or text."""
    kinds = pd.api.types
    if kinds.is_bool_dtype(cells.dtype):
        return "boolean"
    if kinds.is_numeric_dtype(cells.dtype):
        return "number"
    return "date" if kinds.is_datetime64_any_dtype(cells.dtype) else "text"


def _as_kind(name: str, cells: pd.Series[Any], like: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_string_dtype(like.dtype) or like.dtype == object:
        text = cells.astype("str")
        return text.where(cells.notna(), None) if cells.isna().any() else text
    kind = kind_of(like)
    if kind == kind_of(cells):
        return cells
    if not cells.astype("str").where(cells.notna(), "").str.strip().any():
        return pd.Series([None] * len(cells)).astype(_nullable(like))
    what = {"boolean": "truth values", "date": "dates"}.get(kind, "numbers")
    raise DataError(
        f"column {name!r} holds {what} in the run's catalog, and something else in the new file "
        f"({cells.iloc[0]!r}, for one); mend the column or leave it out"
    )


def _nullable(like: pd.Series[Any]) -> Any:
    """Return a type like a column's that can hold an empty cell."""
    if pd.api.types.is_bool_dtype(like):
        return object
    return float if pd.api.types.is_integer_dtype(like) else like.dtype
