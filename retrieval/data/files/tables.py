"""A data file of any format as Arrow columns, each row with its record number in the file."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from longtail.retrieval.data.files import delimited, json_lines
from longtail.retrieval.data.files.data_file import DataFile
from longtail.retrieval.data.files.dialect.encoding.encodings import UTF8, spoken_name
from longtail.retrieval.data.files.dialect.numbers import EITHER
from longtail.retrieval.data.files.dialect.parquet.decoded_size import check_decoded_size
from longtail.retrieval.data.files.dialect.parquet.plain_columns import (
    as_plain,
    holds_bytes,
    is_readable,
)
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.dialect.recognition import (
    encoding_of_lines,
    recognise,
    with_cells,
)
from longtail.retrieval.data.files.dialect.records import BACKSLASHES, TEXT_AFTER_QUOTE
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.errors import DataError, NoRowsError
from longtail.retrieval.progress import Progress, silent

_LOOKED_AT_ROWS = 100


@dataclass(frozen=True)
class Table:
    """The rows of a file that could be read at all.

    Attributes:
        path: the file, as the caller named it.
        columns: Arrow chunked arrays by the file's column names. Cells of CSV and TSV are raw
            bytes, not yet known to be UTF-8; the other formats bring their own types.
        rows: record number of each row, from 1, int64 [n].
        decimal: what stands before decimals; EITHER where a column may tell.
    """

    path: Path
    columns: dict[str, Any]
    rows: NDArray[np.int64]
    decimal: str = "."

    def __len__(self) -> int:
        return len(self.rows)

    def ids(self, column: str) -> Any:
        """Return a column that holds one id a row.

        Raises:
            DataError: it holds bytes that are no text, or several values a row.
        """
        if column not in self.columns:
            raise DataError(f"{self.path}: column {column} holds bytes, not text; write it as text")
        cells = self.columns[column]
        if pa.types.is_nested(cells.type):
            raise DataError(
                f"{self.path}: column {column} holds several values in a row; write one row for "
                "each of them"
            )
        return cells


def column_names(path: Path, reading: Reading = AS_THEY_ARE) -> list[str]:
    """Return the file's column names, in their order.

    Raises:
        DataError: the file isn't there, is empty, damaged, or of an unknown type.
    """
    file = recognise(path, reading)
    if file.format == "parquet":
        with _whole_parquet(path):
            return [str(name) for name in pyarrow.parquet.ParquetFile(path).schema_arrow.names]
    return json_lines.keys(file) if file.format == "jsonl" else delimited.header(file)


def read_table(
    path: Path,
    rejected: RejectedRows,
    *,
    reading: Reading = AS_THEY_ARE,
    columns: Sequence[str] | None = None,
    encoded: Collection[str] = (),
    step: str = "reading",
    progress: Progress = silent,
) -> Table:
    """Return the named columns of a file (None: all), each row with its record number.

    Columns in ``encoded`` come dictionary-encoded where the format makes that cheap. Lines that
    can't be taken apart are set aside in ``rejected``.

    Raises:
        DataError: the file isn't there, is empty, damaged or of an unknown type.
        NoRowsError: it holds nothing but a header.
    """
    file = recognise(path, reading)
    if file.format == "parquet":
        table, rows = _read_parquet(file, columns, encoded, rejected, step, progress)
    elif file.format == "jsonl":
        table, rows = json_lines.read_json_lines(file, columns, encoded, rejected, step, progress)
    else:
        file, table, rows = _read_cells(file, reading, columns, encoded, rejected, step, progress)
    if file.encoding != UTF8:
        rejected.note(_encoding_note(file, reading))
    rejected.read(path, len(rows) + rejected.count(path))
    if not len(rows):
        first = rejected.first(path)
        why = f" that can be read; the first bad one is {first}" if first else ", only a header"
        if TEXT_AFTER_QUOTE in first and '\\\\"' in first:
            why += f". {BACKSLASHES}"
        raise (DataError if first else NoRowsError)(f"{path}: has no rows{why}")
    by_column = file.is_delimited and file.delimiter == b";"
    return Table(path, table, rows, reading.decimal or (EITHER if by_column else "."))


def _read_cells(
    file: DataFile,
    reading: Reading,
    columns: Sequence[str] | None,
    encoded: Collection[str],
    rejected: RejectedRows,
    step: str,
    progress: Progress,
) -> tuple[DataFile, dict[str, Any], NDArray[np.int64]]:
    """Return the columns of a delimited file, read again where it turns out not to be UTF-8."""
    names = delimited.header(file)
    unnamed = [name for name in names if not name]
    chosen = columns if columns is not None else [n for n in names if n not in unnamed]
    if repeated := sorted({n for n in chosen if names.count(n) > 1}):
        raise DataError(f"{file.path}: two columns are named {repeated[0]!r}; rename one")
    aside = RejectedRows()
    try:
        table, rows = delimited.read_delimited(
            file, names, chosen, encoded, aside, step, progress, to_the_end=reading.allow_loss
        )
    except DataError:
        rejected.take(aside)  # what made it fail is what the person needs to see
        raise
    assumed = file.encoding == UTF8 and reading.encoding is None
    if assumed and not delimited.is_all_utf8(table.values()):
        encoding = encoding_of_lines(file)
        if encoding != UTF8:
            file = with_cells(replace(file, encoding=encoding), reading)
            aside = RejectedRows()
            table, rows = delimited.read_delimited(
                file, names, chosen, encoded, aside, step, progress, to_the_end=True
            )
    rejected.take(aside)
    return file, table, rows


def _encoding_note(file: DataFile, reading: Reading) -> str:
    name = spoken_name(file.encoding)
    if reading.encoding is not None:
        return f"{file.path}: read as {name}"
    return (
        f"{file.path}: is not UTF-8; read as {name}. If its words look wrong, name the encoding: "
        "--encoding NAME"
    )


@contextmanager
def _whole_parquet(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise DataError(f"{path}: is not a whole Parquet file ({reason})") from error


def _read_parquet(
    file: DataFile,
    columns: Sequence[str] | None,
    encoded: Collection[str],
    rejected: RejectedRows,
    step: str,
    progress: Progress,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    with _whole_parquet(file.path):
        schema = pyarrow.parquet.ParquetFile(file.path).schema_arrow
    names = list(columns) if columns is not None else [str(name) for name in schema.names]
    if len(names) > delimited.MOST_COLUMNS:
        raise DataError(
            f"{file.path}: has {len(names):,} columns; at most {delimited.MOST_COLUMNS:,} are read"
        )
    if repeated := sorted({name for name in names if schema.names.count(name) > 1}):
        raise DataError(f"{file.path}: two columns are named {repeated[0]!r}; rename one")
    with _whole_parquet(file.path):
        for name in [name for name in names if holds_bytes(schema.field(name).type)]:
            if _is_readable(file.path, name):
                continue
            what = f"{file.path}: column {name} holds bytes, not text"
            if columns is not None:
                raise DataError(f"{what}; write it as text")
            rejected.note(f"{what}; left out")
            names.remove(name)
        strings = [n for n in encoded if pa.types.is_string(schema.field(n).type)]
        check_decoded_size(file.path, names, strings, file.max_inflated_gb)
        source = pyarrow.parquet.ParquetFile(file.path, read_dictionary=strings)
        groups = []
        for i in range(source.num_row_groups):
            groups.append(source.read_row_group(i, columns=names))
            progress(step, i + 1, source.num_row_groups)
        table = pa.concat_tables(groups) if groups else schema.empty_table()
    rows = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return {name: as_plain(table.column(name)) for name in names}, rows


def _is_readable(path: Path, name: str) -> bool:
    batches = pyarrow.parquet.ParquetFile(path).iter_batches(_LOOKED_AT_ROWS, columns=[name])
    return all(is_readable(batch.column(0)) for batch in itertools.islice(batches, 1))
