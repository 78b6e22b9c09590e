"""What each row of a log means, put together column by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.meaning.behaviours import MEANINGS, TAKEN
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.retrieval.data.meaning.value_meaning import ValueMeaning


@dataclass
class RowMeanings:
    """What each row means, and what said so; every row is taken until a column says otherwise.

    Attributes:
        path: the log, for messages.
        reading: what somebody said of it.
        code: position in `MEANINGS` of every row, int8 [n].
        refused: rows that say nothing, with the column and the reason, bool [n] each.
        found: what was told by what.
        notes: what a person should know beside it.
        told: the same as settings say it.
    """

    path: Path
    reading: Reading
    code: NDArray[np.int8]
    refused: list[tuple[str, str, NDArray[np.bool_]]] = field(default_factory=list)
    found: list[ValueMeaning] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told: ToldMeanings = field(default_factory=ToldMeanings)

    @property
    def label(self) -> NDArray[np.int8] | None:
        """The codes, None where every row is taken."""
        return None if (self.code == TAKEN).all() else self.code

    def found_out(self, column: str, value: str, count: int, code: int) -> None:
        """Keep what the rows of a value were taken for; of no rows there is nothing to keep."""
        if count:
            self.found.append(ValueMeaning(column, value, count, MEANINGS[code]))

    def lines(self) -> list[str]:
        """Return what was told by what, a line for each column."""
        by_column: dict[str, list[str]] = {}
        for one in self.found:
            by_column.setdefault(one.column, []).append(f"{one.value} {one.count:,} {one.meaning}")
        return [
            f"{self.path}: column {column} says what a row means: {', '.join(parts)}"
            for column, parts in by_column.items()
            # Our own label says so by its name.
            if plain_name(column) != "label"
        ]
