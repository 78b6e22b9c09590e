"""Delimited files as Arrow columns of raw bytes: at full speed where the file is clean, line by
line where it isn't."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.data_file import GZIP_FAILURES, DataFile, being_read
from longtail.retrieval.data.files.dialect.encoding.encodings import not_decoded
from longtail.retrieval.data.files.dialect.lines import bounded_lines
from longtail.retrieval.data.files.dialect.records import records, split_record
from longtail.retrieval.data.files.dialect.sniffing import cells_of
from longtail.retrieval.data.files.dialect.watched_stream import STAND_IN, WatchedStream
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress

__all__ = ["header", "is_all_utf8", "read_delimited", "split_record"]

MOST_COLUMNS = 10_000
_BLOCK_BYTES = 8 << 20
_BATCH_ROWS = 100_000
# Of the first batch: with fewer good records the file is of another form.
_FEW = 0.01


def header(file: DataFile) -> list[str]:
    """Return the column names: those given, or the first line that isn't blank.

    Raises:
        DataError: there is none, or it isn't in the file's encoding, or the gzip file is damaged.
    """
    if file.names:
        return list(file.names)
    with being_read(file), file.open() as stream:
        full = (line for line in bounded_lines(stream, file.path) if line.strip())
        first = next(itertools.islice(full, file.skipped_lines, None), b"")
    first = first.rstrip(b"\r\n")
    if not first:
        raise DataError(f"{file.path}: the file is empty")
    if b"\r" in first:
        raise DataError(
            f"{file.path}: its lines end in CR alone; convert it: tr '\\r' '\\n' < {file.path.name}"
        )
    fields = cells_of(first, file.delimiter)
    if len(fields) > MOST_COLUMNS:
        raise DataError(
            f"{file.path}: has {len(fields):,} columns; at most {MOST_COLUMNS:,} are read"
        )
    try:
        return [field.decode().strip() for field in fields]
    except UnicodeDecodeError as error:
        raise not_decoded(file.path, f"the header line (byte {error.start})") from error


def read_delimited(
    file: DataFile,
    names: Sequence[str],
    chosen: Sequence[str],
    encoded: Collection[str],
    rejected: RejectedRows,
    step: str,
    progress: Progress,
    *,
    to_the_end: bool = False,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Return the wanted columns as binary cells, and the record number of each row.

    Columns in ``encoded`` come dictionary-encoded. Lines with too many or too few cells, with a
    quote that is never closed or with text after one that is, are set aside. Where nearly all of
    the first hundred thousand are, the others aren't read, unless ``to_the_end``.

    Raises:
        DataError: the gzip file breaks off, the file can't be read, or hardly a line can.
    """
    places = {name: names.index(name) for name in chosen}
    fast = _read_fast(file, len(names), places, encoded, step, progress)
    if fast is not None:
        return fast, np.arange(1, len(next(iter(fast.values()))) + 1, dtype=np.int64)
    with being_read(file):
        parts = _good_records(file, len(names), rejected, step, progress, to_the_end=to_the_end)
        return _as_columns(parts, places, encoded)


def _read_fast(
    file: DataFile,
    width: int,
    places: dict[str, int],
    encoded: Collection[str],
    step: str,
    progress: Progress,
) -> dict[str, Any] | None:
    """Return the columns, or None for any file in which a record isn't exactly one line.

    Arrow swallows the rest of a file into a cell whose quote is never closed and says nothing;
    as many records as lines is the proof that no such cell is there. Text after a closing quote
    it takes for more of the cell, so the stream looks for that.
    """
    types = {
        str(at): pa.dictionary(pa.int32(), pa.binary()) if name in encoded else pa.binary()
        for name, at in places.items()
    }
    before = file.skipped_lines + file.has_header
    stream = WatchedStream(file, step, progress)
    between = STAND_IN if len(file.delimiter) > 1 else file.delimiter
    try:
        table = pyarrow.csv.read_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                skip_rows=before,
                column_names=[str(i) for i in range(width)],
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=between.decode(), quote_char='"' if file.quoted else False
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, include_columns=list(types), strings_can_be_null=False
            ),
        )
        # Arrow stops pulling at the end; the last, empty read tells of an unfinished last line.
        stream.read(1)
    except (pa.ArrowInvalid, *GZIP_FAILURES):
        return None
    finally:
        stream.close()
    records_seen = table.num_rows + before
    if stream.starts_blank or stream.doubtful or stream.lines - stream.blank_lines != records_seen:
        return None
    table = table.unify_dictionaries()
    return {name: table.column(str(at)) for name, at in places.items()}


def _good_records(
    file: DataFile,
    width: int,
    rejected: RejectedRows,
    step: str,
    progress: Progress,
    *,
    to_the_end: bool,
) -> Iterator[tuple[list[list[bytes]], NDArray[np.int64]]]:
    """Yield the records of so many cells, and their numbers, a batch at a time.

    Raises:
        DataError: hardly any of the first batch is one.
    """
    done = 0
    with file.open() as stream:
        lines = bounded_lines(stream, file.path)
        for _ in range(file.skipped_lines + file.has_header):
            next(line for line in lines if line.strip())
        found = records(lines, width, file.delimiter, quoted=file.quoted)
        while batch := list(itertools.islice(found, _BATCH_ROWS)):
            good = [fields for fields, _ in batch if len(fields) == width]
            fine = np.array([len(fields) == width for fields, _ in batch])
            numbers = np.arange(done + 1, done + len(batch) + 1, dtype=np.int64)
            for reason in dict.fromkeys(why for _, why in batch if why):
                bad = np.array([why == reason for _, why in batch])
                shown = [file.delimiter.join(f) for (f, why) in batch if why == reason]
                text = [line[:200].decode(errors="backslashreplace") for line in shown]
                rejected.add(file.path, numbers[bad], "(line)", reason, text)
            done += len(batch)
            # Millions of lines of another form take minutes, and say no more than these.
            if not to_the_end and done == len(batch) == _BATCH_ROWS and len(good) < _FEW * done:
                raise _of_another_form(file, width, done - len(good), rejected)
            yield good, numbers[fine]
            progress(step, done, 0)


def _of_another_form(file: DataFile, width: int, bad: int, rejected: RejectedRows) -> DataError:
    reasons = {why: n for (path, why), n in rejected.counts().items() if path == str(file.path)}
    most, number = next(iter(reasons.items()))
    between = file.delimiter.decode(errors="backslashreplace")
    return DataError(
        f"{file.path}: {bad:,} of its first {_BATCH_ROWS:,} records can't be used, so that the "
        f"others weren't read; most of them: {most} ({number:,}; "
        f"{rejected.first(file.path, reason=most)}), where its first line has {width} between "
        f"{between!r}. Say what stands between cells: ",
        Field("delimiter"),
        " TEXT; mend the file; or read it to its end: ",
        Field("allow_loss"),
    )


def _as_columns(
    parts: Iterable[tuple[list[list[bytes]], NDArray[np.int64]]],
    places: Mapping[str, int],
    encoded: Collection[str],
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    chunks: dict[str, list[Any]] = {name: [] for name in places}
    rows: list[NDArray[np.int64]] = []
    for records_read, numbers in parts:
        rows.append(numbers)
        for name, at in places.items():
            cells = pa.array([fields[at] for fields in records_read], pa.binary())
            chunks[name].append(cells.dictionary_encode() if name in encoded else cells)
    columns = {}
    for name, cells_read in chunks.items():
        kind = pa.dictionary(pa.int32(), pa.binary()) if name in encoded else pa.binary()
        whole = pa.chunked_array(cells_read, kind)
        columns[name] = whole.unify_dictionaries() if name in encoded else whole
    return columns, np.concatenate(rows) if rows else np.empty(0, np.int64)


def is_all_utf8(columns: Collection[Any]) -> bool:
    """Return whether every cell of these raw columns is UTF-8."""
    for column in columns:
        for chunk in column.chunks:
            cells = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
            try:
                cells.cast(pa.string())
            except pa.ArrowInvalid:
                return False
    return True
