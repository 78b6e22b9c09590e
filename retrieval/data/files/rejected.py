"""The rows that were set aside, why, and what was noted beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.retrieval.data.meaning.value_meaning import ValueMeaning
from longtail.retrieval.errors import DataError

_SHOWN_CHARACTERS = 60
# The reason of rows of a log whose items another file lacks.
NOT_IN_CATALOG = "item not in the catalog"


@dataclass(frozen=True)
class _Batch:
    file: str
    column: str
    reason: str
    rows: NDArray[np.int64]
    values: Any  # pyarrow string array of the same length


class RejectedRows:
    """What was set aside while files were read; nothing is dropped without passing here.

    Rows are kept in arrays, about 20 bytes and the shortened value each, so that ten million
    bad rows fit. A row number counts the records of the file from 1, header and blank lines
    left out.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.meanings: list[ValueMeaning] = []
        self.told = ToldMeanings()
        self._batches: list[_Batch] = []
        self._sizes: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(len(batch.rows) for batch in self._batches)

    def add(
        self,
        path: Path,
        rows: NDArray[np.int64],
        column: str,
        reason: str,
        values: Sequence[str] | Any,
    ) -> None:
        """Set rows of a file aside; ``values`` are the offending cells, as text."""
        if not len(rows):
            return
        shown = values if isinstance(values, pa.Array) else pa.array(list(values), pa.string())
        shown = pc.replace_substring(shown, "\x00", "\\x00")
        cut = pc.utf8_slice_codeunits(shown, 0, _SHOWN_CHARACTERS)
        long = pc.greater(pc.utf8_length(shown), _SHOWN_CHARACTERS)
        cut = pc.if_else(long, pc.binary_join_element_wise(cut, "…", ""), cut)
        self._batches.append(_Batch(str(path), column, reason, rows.astype(np.int64), cut))

    def read(self, path: Path, rows: int) -> None:
        """Say how many rows of a file were wanted, those set aside included."""
        self._sizes[str(path)] = rows

    def size(self, path: Path) -> int:
        """Return how many rows of a file were wanted, 0 where it wasn't read."""
        return self._sizes.get(str(path), 0)

    def note(self, text: str) -> None:
        """Keep a remark that a person should see, although no row was set aside for it."""
        if text not in self.notes:
            self.notes.append(text)

    def take(self, others: RejectedRows) -> None:
        """Set aside what others did, and keep their remarks."""
        self._batches += others._batches
        self._sizes |= others._sizes
        for text in others.notes:
            self.note(text)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many rows were set aside by (file, reason), most frequent first."""
        totals: dict[tuple[str, str], int] = {}
        for batch in self._batches:
            key = (batch.file, batch.reason)
            totals[key] = totals.get(key, 0) + len(batch.rows)
        return dict(sorted(totals.items(), key=lambda pair: (-pair[1], pair[0])))

    def count(self, path: Path) -> int:
        """Return how many rows of this file were set aside."""
        return sum(len(batch.rows) for batch in self._batches if batch.file == str(path))

    def values(self, path: Path, reason: str) -> Any:
        """Return the shortened values of this file's rows set aside so, an Arrow string array."""
        batches = [b for b in self._batches if (b.file, b.reason) == (str(path), reason)]
        return (
            pa.concat_arrays([b.values for b in batches]) if batches else pa.array([], pa.string())
        )

    def first(self, path: Path, column: str | None = None, reason: str | None = None) -> str:
        """Return the first row set aside in this file, in words; empty when there is none.

        With ``column`` it is the first for a fault of that column, with ``reason`` for that fault.
        """
        batches = [b for b in self._batches if b.file == str(path)]
        batches = [b for b in batches if column in (None, b.column) and reason in (None, b.reason)]
        if not batches:
            return ""
        batch = min(batches, key=lambda b: int(b.rows.min()))
        at = int(batch.rows.argmin())
        return (
            f"row {int(batch.rows[at])}, column {batch.column}: {batch.reason}"
            f" ({batch.values[at].as_py()!r})"
        )

    def write(self, path: Path) -> None:
        """Write ``file,row,column,reason,value`` by file and row, through a temporary file.

        Raises:
            DataError: the file can't be written.
        """
        files = list(dict.fromkeys(batch.file for batch in self._batches))
        schema = pa.schema(
            [("file", pa.string()), ("row", pa.int64())]
            + [(name, pa.string()) for name in ("column", "reason", "value")]
        )
        options = pyarrow.csv.WriteOptions(quoting_style="needed")
        try:
            with (
                write_file_atomically(path) as temporary,
                pyarrow.csv.CSVWriter(temporary, schema, write_options=options) as writer,
            ):
                for file in files:
                    writer.write_table(self._table(file, schema))
        except OSError as error:
            raise DataError(f"can't write {path}: {error.strerror or error}") from error

    def replace(self, path: Path) -> None:
        """Write as `write` does; where nothing was set aside, only over a file that is there.

        One left by an earlier run would speak of rows that are fine by now.

        Raises:
            DataError: the file can't be written.
        """
        if len(self) or path.exists():
            self.write(path)

    def _table(self, file: str, schema: Any) -> Any:
        batches = [batch for batch in self._batches if batch.file == file]
        rows = np.concatenate([batch.rows for batch in batches])
        order = pa.array(np.argsort(rows, kind="stable"))
        lengths = [len(batch.rows) for batch in batches]
        which = pa.array(np.repeat(np.arange(len(batches), dtype=np.int32), lengths)).take(order)
        columns = [
            pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(rows), np.int32)), pa.array([file])
            ).cast(pa.string()),
            pa.array(rows).take(order),
            pa.array([b.column for b in batches], pa.string()).take(which),
            pa.array([b.reason for b in batches], pa.string()).take(which),
            pa.concat_arrays([b.values for b in batches]).take(order),
        ]
        return pa.Table.from_arrays(columns, schema=schema)
