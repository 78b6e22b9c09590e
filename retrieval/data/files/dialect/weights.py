"""The weights of a log: ratings, scores, quantities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.dialect.numbers import EITHER, read_numbers
from longtail.retrieval.data.files.rejected import RejectedRows


def read_weights(
    path: Path,
    column: str,
    cells: Any,
    *,
    rows: NDArray[np.int64],
    decimal: str,
    rejected: RejectedRows,
) -> NDArray[np.float32]:
    """Return the weights of a column, NaN where a cell holds no number; a note says how many.

    A row isn't lost for a weight that can't be read: who took what is still known.
    """
    text = as_text(cells).text
    numbers, readable = read_numbers(text, decimal)
    unread = np.flatnonzero(~readable)
    if len(unread):
        first = int(unread[0])
        hint = ""
        if (
            decimal not in (",", EITHER)
            and pc.any(pc.match_substring_regex(text.take(unread), r"^\s*[+-]?\d+,\d+\s*$")).as_py()
        ):
            hint = "; where a comma stands before decimals, say --decimal ,"
        rejected.note(
            f"{path}: {len(unread):,} of {len(rows):,} cells of column {column} hold no number "
            f"(first in row {int(rows[first])}: {text[first].as_py()[:40]!r}); these rows are "
            f"kept, their weight is not known{hint}"
        )
    return numbers.astype(np.float32)
