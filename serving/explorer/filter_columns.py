"""What `where` can ask about: the catalog's columns with a condition to start from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.catalog_schema import kind_of
from longtail.serving.explorer.cards import plain_cell

EXAMPLES = 5
# Of a longer column this many cells are looked at for examples.
MOST_CELLS = 50_000
# A text that is longer is read, not chosen from a list.
LONGEST_EXAMPLE = 40


def filter_columns(frame: pd.DataFrame, offered: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return each column with its kind, a few of its values and an example of a condition.

    ``kind`` is number, date, boolean or text. ``examples`` are the most frequent values of a
    text, the lowest, middle and highest of a number or date.

    >>> shop = pd.DataFrame({"item_id": ["a", "b"], "price": [3.0, 9.5], "brand": ["OPI", None]})
    >>> for column in filter_columns(shop, np.ones(2, bool)):
    ...     print(column["name"], column["kind"], column["examples"], column["condition"])
    price number [3.0, 3.0, 9.5] price<=3
    brand text ['OPI'] brand=OPI
    """
    shown = []
    for name in frame.columns:
        if name == "item_id":
            continue
        cells = frame[name][offered].dropna()
        kind = kind_of(cells)
        examples = _examples(cells.iloc[:: len(cells) // MOST_CELLS + 1], kind)
        if examples:
            shown.append(
                {
                    "name": str(name),
                    "kind": kind,
                    "examples": examples,
                    "condition": _condition(str(name), kind, examples),
                }
            )
    return shown


def _examples(cells: pd.Series[Any], kind: str) -> list[Any]:
    if not len(cells):
        return []
    if kind in ("number", "date"):
        ordered = cells.sort_values().to_list()
        middle = ordered[(len(ordered) - 1) // 2]
        return [plain_cell(value) for value in (ordered[0], middle, ordered[-1])]
    counts = cells.astype("str").value_counts()
    return [value.lower() if kind == "boolean" else value for value in counts.index[:EXAMPLES]]


def _condition(name: str, kind: str, examples: list[Any]) -> str:
    if kind == "number":
        return f"{name}<={examples[1]:g}"
    if kind == "date":
        return f"{name}>={str(examples[1])[:10]}"
    first = str(examples[0])
    if kind == "text" and (len(first) > LONGEST_EXAMPLE or "," in first):
        return f"{name}~{first.split()[0].strip(',')}"
    return f"{name}={first}"
