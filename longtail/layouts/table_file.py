"""A Parquet file that is written row by row, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from longtail.layouts.left_out import LeftOut

TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()
# Microseconds since 1970.
TIME = pa.timestamp("us", tz="UTC")
_ROWS_OF_A_GROUP = 1 << 16


class TableFile:
    """Writes rows, given as tuples in the order of the columns, to a Parquet file.

    The first ``ids`` cells of a row, one or two, must not be empty: a row that lacks one is counted
    as left out. None is an empty cell.

    Attributes:
        rows: how many were written.
    """

    def __init__(
        self, path: Path, columns: Mapping[str, Any], left_out: LeftOut, what: str, ids: int
    ) -> None:
        self.rows = 0
        self._schema = pa.schema(list(columns.items()))
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._pending: list[Sequence[Any]] = []
        self._left_out, self._what, self._last_id = left_out, what, ids - 1

    def add(self, *row: Any) -> None:
        """Write one row."""
        if not (row[0] and row[self._last_id]):
            at = next(i for i, cell in enumerate(row) if not cell)
            self._left_out.add(self._what, f"no {self._schema.names[at]}")
            return
        self._pending.append(row)
        self.rows += 1
        if len(self._pending) == _ROWS_OF_A_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is pending, and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = list(zip(*self._pending, strict=True)) or [()] * len(self._schema)
        arrays = [
            _array(cells, kind) for cells, kind in zip(columns, self._schema.types, strict=True)
        ]
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._pending.clear()


class KeyedTableFile(TableFile):
    """A `TableFile` of rows that have a key, their first cell; of each key the first is written.

    The keys are held in memory.
    """

    def __init__(
        self, path: Path, columns: Mapping[str, Any], left_out: LeftOut, what: str
    ) -> None:
        super().__init__(path, columns, left_out, what, 1)
        self._seen: set[str] = set()

    def add(self, *row: Any) -> None:
        """Write one row; a key that was there before is counted as left out."""
        if row[0] in self._seen:
            self._left_out.add(self._what, "there before (the first is kept)", str(row[0]))
            return
        self._seen.add(row[0])
        super().add(*row)

    def __contains__(self, key: str) -> bool:
        return key in self._seen


def _array(cells: Sequence[Any], kind: Any) -> Any:
    try:
        return pa.array(cells, kind)
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can spell and UTF-8 can't.
        return pa.array(
            [None if c is None else c.encode("utf-8", "replace").decode() for c in cells], kind
        )
