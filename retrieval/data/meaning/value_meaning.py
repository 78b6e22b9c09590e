"""The values of a column, and what the rows of each were taken for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.meaning.behaviours import Meaning

Value = TypeVar("Value", bound=np.generic)

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


@dataclass(frozen=True)
class DistinctValues:
    """The values of a column, each once.

    Attributes:
        names: as text, blanks around them taken off.
        index: position in `names` of every row, int64 [n].
        counts: rows of each value, int64 [len(names)].
    """

    names: list[str]
    index: NDArray[np.integer]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Any) -> DistinctValues:
        """Return the values of an Arrow column."""
        coded = as_text(cells).text.dictionary_encode()
        names = [str(name).strip() for name in coded.dictionary.to_pylist()]
        index = np.asarray(coded.indices)
        return cls(names, index, np.bincount(index, minlength=len(names)))

    @property
    def by_count(self) -> list[int]:
        """Positions in `names`, the most frequent value first."""
        order: list[int] = np.argsort(-self.counts, kind="stable").tolist()
        return order

    def of_rows(self, values: NDArray[Value]) -> NDArray[Value]:
        """Return what every row has of something that each distinct value has."""
        return np.asarray(values[self.index])

    def listed(self, places: Collection[int] | None = None) -> str:
        """Return the most frequent values with their counts, for a message; of some, or of all."""
        order = [p for p in self.by_count if places is None or p in places]
        shown = [f"{self.names[p] or '(blank)'} ({self.counts[p]:,})" for p in order[:_LISTED]]
        more = len(order) - _LISTED
        return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
