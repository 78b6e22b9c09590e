"""Why the items of a log aren't in the catalog: another spelling, or another column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from longtail.index.errors import Field
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.losses.first_rows import first_rows
from longtail.retrieval.data.files.roles.column_advice import column_advice
from longtail.retrieval.data.ids.matched_ids import MATCHES
from longtail.retrieval.errors import DataError

Hint = tuple[str | Field, ...]
# Of rows, for a column to be named.
_MOST = 0.5
_SAMPLE = 10_000


def hint_for(path: Path, reading: Reading, catalog: Catalog, unmatched: Any, n_rows: int) -> Hint:
    """Return what may make the items of a log match: parts of a message, empty where nothing does.

    Args:
        path: the log.
        reading: how it was read.
        catalog: what its items aren't in.
        unmatched: the item ids of rows without a match, one a row, Arrow string array.
        n_rows: rows of the log.
    """
    said, match = spelling_hint(unmatched, catalog)
    if said:
        return (f"; {said}: ", Field("match"), f" {match}")
    if len(unmatched) <= _MOST * n_rows:
        return ()
    return better_column(path, reading, catalog, unmatched)


def spelling_hint(unmatched: Any, catalog: Catalog) -> tuple[str, str]:
    """Return by which other spellings rows would match, and what `Reading.match` says for most.

    Both are empty where none would.

    >>> shop = Catalog(pd.DataFrame({"item_id": ["7", "8"], "title": ["Tea", "Pot"]}), "{title}")
    >>> spelling_hint(pa.array(["007", "8.0", "008", "9"]), shop)
    ("2 of the 4 would match without leading zeros, 1 with '.0' taken off", 'zeros')
    """
    counted = pc.value_counts(unmatched)
    ids, counts = counted.field("values"), counted.field("counts").to_numpy()
    known = pa.array(catalog.item_ids.tolist(), pa.string())
    hits: dict[str, int] = {}
    for match, (_, spelling) in MATCHES.items():
        found = np.asarray(pc.is_in(spelling(ids), spelling(known)), bool)
        hits[match] = int(counts[found].sum())
    matches = sorted((match for match, n in hits.items() if n), key=lambda match: -hits[match])
    said = [f"{hits[match]:,} {MATCHES[match][0]}" for match in matches]
    if not said:
        return "", ""
    first, *others = said
    number, _, words = first.partition(" ")
    more = "".join(f", {other}" for other in others)
    return f"{number} of the {len(unmatched):,} would match {words}{more}", matches[0]


def better_column(path: Path, reading: Reading, catalog: Catalog, unmatched: Any) -> Hint:
    """Return which column would match more: another one of the log, or of the catalog.

    The log's columns are looked at in its first rows.
    """
    shares: list[tuple[float, str, str, str]] = []
    known = frozenset(catalog.item_ids.tolist())
    for column, share in shares_of_columns(path, reading, known).items():
        shares.append((share, f"column {column!r} of the log holds", "log.item_id", column))
    wanted = unmatched.slice(0, _SAMPLE).to_pylist()
    ours = {ours: own for own, ours in catalog.own_names.items()}
    for label in catalog.frame.columns:
        cells = catalog.frame[label]
        if label == "item_id" or not _may_hold_ids(cells):
            continue
        held = frozenset(cells.dropna().astype("str").str.strip())
        share = sum(item in held for item in wanted) / max(len(wanted), 1)
        column = ours.get(str(label), str(label))
        shares.append((share, f"column {column!r} of the catalog has", "items.item_id", column))
    share, what, role, column = max(shares, default=(0.0, "", "", ""))
    if share <= _MOST:
        return ()
    whose = "the other file's ids"
    return (f"; {what} {whose} in {share:.0%} of the rows: ", *column_advice(role, column))


def shares_of_columns(path: Path, reading: Reading, known: frozenset[str]) -> dict[str, float]:
    """Return in which share of its first rows each column of a file holds one of these ids."""
    try:
        columns = first_rows(path, reading).columns
    except DataError:
        return {}
    shares = {}
    for name, cells in columns.items():
        texts = [text.strip() for text in as_text(cells).text.to_pylist()]
        shares[name] = sum(text in known for text in texts) / max(len(texts), 1)
    return shares


def _may_hold_ids(cells: pd.Series[Any]) -> bool:
    kinds = pd.api.types
    return kinds.is_string_dtype(cells.dtype) or kinds.is_integer_dtype(cells.dtype)
