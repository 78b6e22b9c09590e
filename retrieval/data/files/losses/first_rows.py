"""The first rows of a data file, for a look at columns that aren't read otherwise."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.recognition import recognise
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import Table, read_table

ROWS, _BYTES = 2_000, 2 << 20


def first_rows(path: Path, reading: Reading) -> Table:
    """Return all columns of the first rows of a file, some thousand at most.

    Raises:
        DataError: the file can't be read.
    """
    file = recognise(path, reading)
    if file.format == "parquet":
        source = pyarrow.parquet.ParquetFile(path)
        batch = next(source.iter_batches(batch_size=ROWS), None)
        table = source.schema_arrow.empty_table() if batch is None else pa.table(batch)
        columns = {str(name): table.column(at) for at, name in enumerate(table.column_names)}
        return Table(path, columns, pa.array(range(1, len(table) + 1)).to_numpy())
    with file.open() as stream:
        start = stream.read(_BYTES)
    if len(start) == _BYTES:
        start = start[: start.rfind(b"\n") + 1]
    name = path.name.removesuffix(".gz").removesuffix(".GZ")
    with tempfile.TemporaryDirectory() as folder:
        # As a file of its own, so that it is read as the whole one is.
        copy = Path(folder) / name
        copy.write_bytes(start)
        table = read_table(copy, RejectedRows(), reading=reading)
    return Table(path, table.columns, table.rows, table.decimal)
