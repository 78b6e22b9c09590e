"""Attribute filters: ``brand=OPI``, ``price<20``, ``categories~nail``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrieval.errors import QueryError

CLAUSE = re.compile(r"^\s*(?P<column>.+?)\s*(?P<operator><=|>=|!=|=|<|>|~)\s*(?P<value>.*?)\s*$")


def where_mask(frame: pd.DataFrame, clauses: Sequence[str]) -> NDArray[np.bool_]:
    """Return the catalog rows that pass every clause, bool [n].

    ``COLUMN=VALUE`` (several values with ``|``), ``!=``, ``<``, ``<=``, ``>``, ``>=`` for
    numbers, and ``~`` for "contains, whatever the case". A missing cell passes only ``!=``.

    Raises:
        QueryError: a clause that can't be read, an unknown column, a comparison of text.

    >>> shop = pd.DataFrame({"brand": ["OPI", "Essie", None], "price": [9.0, 12.5, 3.0]})
    >>> where_mask(shop, ["brand=OPI|Essie", "price<10"]).tolist()
    [True, False, False]
    """
    passes = np.ones(len(frame), bool)
    for clause in clauses:
        passes &= _clause_mask(frame, clause)
    return passes


def _clause_mask(frame: pd.DataFrame, clause: str) -> NDArray[np.bool_]:
    found = CLAUSE.match(clause)
    if found is None:
        raise QueryError(
            f"--where {clause!r} is not COLUMN OPERATOR VALUE with one of = != < <= > >= ~"
        )
    column, operator, value = found["column"], found["operator"], found["value"]
    if column not in frame.columns:
        near = difflib.get_close_matches(column, [str(c) for c in frame.columns], 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise QueryError(
            f"--where {clause!r}: the catalog has no column {column!r}{hint} "
            f"It has: {', '.join(str(c) for c in frame.columns)}"
        )
    cells = frame[column]
    numeric = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
    if operator == "~":
        mask = cells.astype("str").str.contains(value, case=False, regex=False, na=False)
        return np.asarray(mask & cells.notna(), dtype=bool)
    if operator in ("=", "!="):
        wanted = value.split("|")
        if numeric:
            equal = cells.isin([_number(v, clause, column) for v in wanted])
        else:
            equal = cells.astype("str").isin(wanted) & cells.notna()
        return np.asarray(equal if operator == "=" else ~equal, dtype=bool)
    if not numeric:
        raise QueryError(
            f"--where {clause!r}: column {column!r} holds text; {operator} compares numbers "
            "(use = or ~)"
        )
    numbers = cells.to_numpy(dtype=float, na_value=np.nan)
    bound = _number(value, clause, column)
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    return np.asarray(compare[operator](numbers, bound), dtype=bool)


def _number(value: str, clause: str, column: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise QueryError(
            f"--where {clause!r}: column {column!r} holds numbers, and {value!r} is none"
        ) from None
