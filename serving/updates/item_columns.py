"""The columns of one item as a client sends them, checked as a catalog file's would be."""

from __future__ import annotations

from typing import Any

import pandas as pd

from longtail.retrieval.data.catalog import Catalog
from longtail.serving.http.http_errors import as_text, invalid_field, shortened
from longtail.serving.limits import LONGEST_CELL, MOST_COLUMNS


def checked_columns(catalog: Catalog, item_id: str, columns: dict[str, Any]) -> pd.DataFrame:
    """Return the item as a frame of one line.

    A cell is text, a number, true or false, null, or a list of texts (joined by commas, as in a
    catalog file).

    Raises:
        RefusedError: a column that the catalog doesn't have, or a cell that is none.
    """
    known = [str(name) for name in catalog.frame.columns]
    if len(columns) > MOST_COLUMNS:
        raise invalid_field("columns", f"are more than {MOST_COLUMNS}")
    if columns.get("item_id", item_id) != item_id:
        raise invalid_field("item_id", "is another one than in the address; leave it out")
    if not columns:
        raise invalid_field("columns", f"are missing; the catalog has {', '.join(known)}")
    cells: dict[str, list[Any]] = {"item_id": [item_id]}
    for name, value in columns.items():
        if name not in known:
            wrong = f"is no column of the catalog; it has {', '.join(known)}"
            raise invalid_field(shortened(name, 60), wrong)
        if name != "item_id":
            cells[name] = [_cell(name, value)]
    return pd.DataFrame(cells)


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ", ".join(value)
    if isinstance(value, str):
        if len(value) > LONGEST_CELL:
            raise invalid_field(name, f"is longer than {LONGEST_CELL:,} characters")
        if "\x00" in value or (not value.isascii() and "\ufffd" in as_text(value)):
            raise invalid_field(name, "holds characters that are no text")
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    raise invalid_field(name, "is neither text, a number, true, false, null nor a list of texts")
