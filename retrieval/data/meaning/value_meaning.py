"""What the rows of one value of a column were taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.meaning.behaviours import Meaning

# Values that a message lists.
_LISTED = 12


@dataclass(frozen=True)
class ValueMeaning:
    """What the rows of one value were taken for.

    Attributes:
        column: the column that says it.
        value: as it stands there, or a comparison.
        count: rows.
        meaning: one of `MEANINGS`.
    """

    column: str
    value: str
    count: int
    meaning: Meaning


def listed(names: Sequence[str], counts: NDArray[np.int64]) -> str:
    """Return the most frequent values with their counts, for a message."""
    order = np.argsort(-counts, kind="stable")[:_LISTED].tolist()
    shown = ", ".join(f"{names[place] or '(blank)'} ({counts[place]:,})" for place in order)
    return shown + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")
