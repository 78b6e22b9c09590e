"""Which segment holds a catalog row, and where in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.index.search.segment import Segment


@dataclass(frozen=True, eq=False)
class Locations:
    """The place of every row.

    Attributes:
        code: number of the segment in the index's list, int16 [n].
        position: position in the segment, int32 [n].
    """

    code: NDArray[np.int16]
    position: NDArray[np.int32]

    @classmethod
    def of(cls, segments: Sequence[Segment], n_items: int) -> Locations:
        """Return the places of n rows; where several segments hold one, the last one counts.

        Raises:
            ValueError: a row is outside the catalog, or in no segment.
        """
        code = np.full(n_items, -1, np.int16)
        position = np.zeros(n_items, np.int32)
        for number, segment in enumerate(segments):
            rows = segment.rows
            if len(rows) and (rows[0] < 0 or rows[-1] >= n_items):
                raise ValueError(f"{segment.name} holds rows outside the {n_items} of the catalog")
            code[rows] = number
            position[rows] = np.arange(len(rows), dtype=np.int32)
        if n_items and code.min() < 0:
            raise ValueError(f"row {int(np.argmin(code))} lies in no segment")
        return cls(code, position)

    def of_rows(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Return segment and position of rows of any shape; -1 and -1 for row -1."""
        padding = rows < 0
        code, position = self.code[rows], self.position[rows].astype(np.int64)
        code[padding], position[padding] = -1, -1
        return code, position

    def held_by(self, number: int, segment: Segment) -> NDArray[np.bool_]:
        """Return which positions of this segment are the true place of their row, bool.

        A row is in a segment only once, so the number of the segment says it all.
        """
        return np.asarray(self.code[segment.rows] == number)

    def removed(self, segments: Sequence[Segment]) -> NDArray[np.bool_]:
        """Return which rows answer nobody any more, bool [n]."""
        removed = np.zeros(len(self.code), bool)
        for number, segment in enumerate(segments):
            rows = segment.rows[segment.removed]
            removed[rows[self.code[rows] == number]] = True
        return removed
