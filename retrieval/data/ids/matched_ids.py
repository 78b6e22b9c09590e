"""Ids of two files compared by another spelling than their own, where somebody said so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.errors import DataError

_UNSEEN = r"[\s\x{200b}-\x{200f}\x{2060}\x{feff}'\"`]+"


def _without_zeros(ids: Any) -> Any:
    return pc.replace_substring_regex(ids, r"^0+(.)", r"\1")


def _without_decimals(ids: Any) -> Any:
    return pc.replace_substring_regex(ids, r"^([0-9]+)\.0+$", r"\1")


def _trimmed(ids: Any) -> Any:
    return pc.replace_substring_regex(ids, f"^{_UNSEEN}|{_UNSEEN}$", "")


def _plain(ids: Any) -> Any:
    return pc.utf8_normalize(ids, form="NFKC")


def _last_part(ids: Any) -> Any:
    return pc.replace_substring_regex(ids, r"^.*[/:]([^/:]+)$", r"\1")


# What `Reading.match` may say, what that is in words, and how ids are spelt for it.
MATCHES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "zeros": ("without leading zeros", _without_zeros),
    "decimal": ("with '.0' taken off", _without_decimals),
    "case": ("in lower case", pc.utf8_lower),
    "trim": ("trimmed", _trimmed),
    "unicode": ("in Unicode's plain form", _plain),
    "last": ("by what stands behind the last slash or colon", _last_part),
}


def rows_matched(catalog: Catalog, ids: Any, match: str) -> NDArray[np.int64]:
    """Return the catalog's row of each id, -1 where there is none, int64 [n].

    Args:
        catalog: whose items are meant.
        ids: Arrow string array [n].
        match: by which spelling ids are compared, a key of `MATCHES`; empty: by their own. An id
            that is there as it stands is that item's.

    Raises:
        DataError: there is no such spelling, or two items of the catalog become one by it.
    """
    rows = catalog.rows_of(ids.to_pylist())
    if not match:
        return rows
    if match not in MATCHES:
        raise DataError(Field("match"), f" {match!r} is none of {', '.join(MATCHES)}")
    spell = MATCHES[match][1]
    of_spelling: dict[str, int] = {}
    for row, spelt in enumerate(
        spell(pa.array(catalog.item_ids.tolist(), pa.string())).to_pylist()
    ):
        if (other := of_spelling.setdefault(spelt, row)) != row:
            raise DataError(
                f"items {catalog.item_ids[other]!r} and {catalog.item_ids[row]!r} are one by ",
                Field("match"),
                f" {match}; leave that out",
            )
    matched = [of_spelling.get(spelt, -1) for spelt in spell(ids).to_pylist()]
    return np.where(rows < 0, np.array(matched, np.int64), rows)
