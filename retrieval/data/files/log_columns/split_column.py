"""The column that says which part of the split a row is of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.row_checks import RowChecks, spell_cells
from longtail.retrieval.data.files.tables import Table
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID

_PART_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "valid": VALID,
    "validation": VALID,
    "val": VALID,
    "dev": VALID,
    "test": TEST,
    "testing": TEST,
}


def read_parts(table: Table, column: str | None, checks: RowChecks) -> NDArray[np.int8] | None:
    """Return the part of each row, int8 [n], None without a column; others are set aside."""
    if column is None:
        return None
    coded = as_text(table.columns[column]).text.dictionary_encode()
    words = [word.strip().lower() for word in coded.dictionary.to_pylist()]
    parts = np.array([_PART_NAMES.get(word, -1) for word in words], np.int8)
    part = np.asarray(parts[np.asarray(coded.indices)], np.int8)
    checks.refuse(column, "unknown split name", part < 0, spell_cells(table, column))
    return part
