"""Rows told by a label of 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.meaning.behaviours import SEEN, SHOWN, TAKEN
from longtail.retrieval.data.meaning.row_meanings import RowMeanings
from longtail.retrieval.data.meaning.value_meaning import DistinctValues

# Labels that may be counts.
_COUNTED = frozenset(["click", "clicks", "purchase", "buy", "like", "cart", "conversion"])
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "f": 0, "t": 1}
_LABELS |= {"no": 0, "yes": 1, "n": 0, "y": 1}


def tell_by_label(rows: RowMeanings, column: str, cells: Any) -> None:
    """Let a label say which rows were only shown.

    Under our own name cells that are no label are set aside; a column of another name that holds
    anything else is none, which is noted.
    """
    values = DistinctValues.of(cells)
    words = [name.lower() for name in values.names]
    if plain_name(column) in _COUNTED and all(word.isdigit() for word in words):
        # How often it was clicked.
        words = [str(min(int(word), 1)) for word in words]
    read = np.array([_LABELS.get(word, -1) for word in words], np.int8)
    others = {word for word, value in zip(words, read, strict=True) if value < 0} - {""}
    if others and plain_name(column) != "label":
        rows.notes.append(
            f"{rows.path}: column {column} isn't read: {values.listed()} are no labels of 0 and "
            "1, so every row counts as taken by it"
        )
        return
    labels = values.of_rows(read)
    if (labels < 0).any():
        rows.refused.append((column, "label is not 0 or 1", labels < 0))
    refused = (labels == 0) & np.isin(rows.code, (TAKEN, SEEN))
    rows.code = np.where(refused, np.int8(SHOWN), rows.code)
    rows.found_out(column, "1", int((labels == 1).sum()), TAKEN)
    rows.found_out(column, "0", int((labels == 0).sum()), SHOWN)
