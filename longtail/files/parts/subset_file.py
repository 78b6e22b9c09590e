"""Some rows of a data file, written again in the file's own columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.files.cells import as_text, code_ids
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import find_roles
from longtail.retrieval.data.files.tables import Table, column_names, read_table
from longtail.retrieval.errors import DataError

_BATCH_ROWS = 10_000
WRITTEN = (".csv", ".tsv", ".jsonl", ".parquet")


def write_log_rows(path: Path, reading: Reading, rows: NDArray[np.int64], out: Path) -> None:
    """Write the rows of a log with these record numbers, in the order of the file.

    Raises:
        DataError: the file can't be written.
    """
    table = read_table(path, RejectedRows(), reading=reading.of("log"))
    _write(table, np.isin(table.rows, rows), out)


def write_item_rows(path: Path, reading: Reading, item_ids: NDArray[np.object_], out: Path) -> None:
    """Write the rows of a catalog with these items.

    Raises:
        DataError: the file can't be written.
    """
    reading = reading.of("items")
    column = find_roles(path, column_names(path, reading), "items", reading.columns)["item_id"]
    table = read_table(path, RejectedRows(), reading=reading)
    ids = code_ids(table.columns[column])
    wanted = np.isin(np.array(ids.ids.to_pylist(), dtype=object).astype(str), item_ids.astype(str))
    _write(table, wanted[ids.code], out)


def _write(table: Table, keep: NDArray[np.bool_], out: Path) -> None:
    mask = pa.array(keep)
    columns = {name: _plain(cells.filter(mask)) for name, cells in table.columns.items()}
    kind = out.suffix.lower()
    try:
        with write_file_atomically(out) as temporary:
            if kind == ".parquet":
                pyarrow.parquet.write_table(pa.table(columns), temporary)
            elif kind == ".jsonl":
                _write_lines(pa.table(columns), temporary)
            else:
                texts = {name: as_text(cells).text for name, cells in columns.items()}
                # Numbers with a decimal comma stay what they are beside this sign alone.
                sign = "," if table.decimal == "." else ";"
                pa.table(texts).to_pandas().to_csv(
                    temporary, index=False, sep="\t" if kind == ".tsv" else sign
                )
    except OSError as error:
        raise DataError(f"can't write {out}: {error.strerror or error}") from error


def _write_lines(table: Any, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            for row in batch.to_pylist():
                file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _plain(cells: Any) -> Any:
    """Return raw bytes of a text file as text, and typed cells as they are."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return as_text(cells).text
    return cells
