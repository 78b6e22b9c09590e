"""Variants of a product, each a row without a title of its own, grouped into the product's row."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_JOINT = ", "


def variants_of_products(frame: pd.DataFrame, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the usable rows that repeat the item_id of a titled row and have no title, bool [n].

    Shops export a product with its sizes and colours, or its further pictures, that way.
    """
    if "title" not in frame:
        return np.zeros(len(frame), bool)
    untitled = frame["title"].str.strip().eq("").to_numpy() & usable
    if not untitled.any():
        return untitled
    titled = frame["item_id"][usable & ~untitled]
    return untitled & frame["item_id"].isin(titled).to_numpy()


def with_variants(
    frame: pd.DataFrame, variants: NDArray[np.bool_], usable: NDArray[np.bool_]
) -> pd.DataFrame:
    """Return the frame in which the usable rows of products hold what their variants say.

    Texts that differ are joined by a comma, once each; an empty cell of another kind is filled by
    the first variant that has one.
    """
    titled = usable & frame["title"].str.strip().ne("").to_numpy()
    item_ids = frame["item_id"].to_numpy(dtype=object)
    product: dict[str, int] = {}
    for row in np.flatnonzero(titled).tolist():
        product.setdefault(item_ids[row], row)
    rows = np.flatnonzero(variants)
    owner = np.array([product[item] for item in item_ids[rows]], np.int64)
    grouped = frame.copy()
    for name in frame.columns:
        if name in ("item_id", "title"):
            continue
        cells = frame[name].to_numpy(dtype=object).copy()
        if pd.api.types.is_string_dtype(frame[name]):
            _join(cells, rows, owner)
        else:
            for row, at in zip(rows.tolist(), owner.tolist(), strict=True):
                if pd.isna(cells[at]):
                    cells[at] = cells[row]
        grouped[name] = pd.Series(cells, index=frame.index).astype(frame[name].dtype)
    return grouped


def _join(cells: NDArray[np.object_], rows: NDArray[np.int64], owner: NDArray[np.int64]) -> None:
    """Add each row's text to its owner's cell, where it doesn't stand there yet."""
    parts: dict[int, dict[str, None]] = {}
    for row, at in zip(rows.tolist(), owner.tolist(), strict=True):
        if text := cells[row].strip():
            parts.setdefault(at, dict.fromkeys([cells[at].strip()])).setdefault(text)
    for at, texts in parts.items():
        cells[at] = _JOINT.join(text for text in texts if text)
