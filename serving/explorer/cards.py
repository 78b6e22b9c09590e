"""An item as the explorer shows it: the card."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.run.bundle import Bundle

# They stand at the top of a card, not among its attributes.
NAMED = ("item_id", "title")


def item_cards(bundle: Bundle, rows: Iterable[int] | NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return the items of these rows, in their order, as plain data, ready for JSON.

    ``popularity`` counts the distinct users who took the item in training; ``attributes`` are the
    catalog's other columns, null where a cell is empty.
    """
    item_rows = [int(row) for row in rows]
    popularity = bundle.popularity
    lines = bundle.catalog.frame.iloc[item_rows].to_dict("records")
    return [
        {
            "item_id": line["item_id"],
            "title": plain_cell(line.get("title")),
            "bucket": POOL_NAMES[popularity.bucket[row]],
            "popularity_percentile": round(float(popularity.percentile[row]), 2),
            "popularity": int(popularity.counts[row]),
            "attributes": {
                str(name): plain_cell(cell) for name, cell in line.items() if name not in NAMED
            },
        }
        for row, line in zip(item_rows, lines, strict=True)
    ]


def plain_cell(cell: Any) -> Any:
    """Return a catalog cell as JSON knows it: null for a gap, text for a date.

    >>> plain_cell(np.float32(0.5)), plain_cell(float("nan")), plain_cell(pd.Timestamp(0))
    (0.5, None, '1970-01-01T00:00:00')
    """
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, list | tuple | np.ndarray):
        return [plain_cell(inner) for inner in cell]
    if isinstance(cell, dict):
        return {str(name): plain_cell(inner) for name, inner in cell.items()}
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return None
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return cell if isinstance(cell, bool | int | float | str) else str(cell)
