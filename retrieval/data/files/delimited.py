"""CSV and TSV files as Arrow columns of raw bytes: at full speed where the file is clean, line by
line where it isn't."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from longtail.retrieval.data.files.data_file import (
    GZIP_FAILURES,
    DataFile,
    WatchedStream,
    being_read,
)
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress

_BLOCK_BYTES = 8 << 20
_BATCH_ROWS = 100_000
# How far a quote that stays open is followed before it counts as stray.
_RECORD_LINES, _RECORD_BYTES = 1000, 16 << 20


def header(file: DataFile) -> list[str]:
    """Return the column names in the first line that isn't blank.

    Raises:
        DataError: there is none, or it isn't UTF-8, or the gzip file is damaged.
    """
    with being_read(file), file.open() as stream:
        first = next((line for line in stream if line.strip()), b"")
    first = first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    if not first:
        raise DataError(f"{file.path}: the file is empty")
    if b"\r" in first:
        raise DataError(
            f"{file.path}: its lines end in CR alone; convert it: tr '\\r' '\\n' < {file.path.name}"
        )
    fields = split_record(first, file.delimiter) or first.split(file.delimiter)
    if len(fields) == 1 and (others := [d for d in (b",", b"\t", b";") if d in first]):
        raise DataError(
            f"{file.path}: its cells stand between {others[0].decode()!r}, not "
            f"{file.delimiter.decode()!r}; write it as .csv with ',' or as .tsv with tabs"
        )
    try:
        return [field.decode().strip() for field in fields]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.path}: the header line is not UTF-8 (byte {error.start}); convert the file: "
            f"iconv -f LATIN1 -t UTF-8 {file.path.name}"
        ) from error


def read_delimited(
    file: DataFile,
    names: Sequence[str],
    chosen: Sequence[str],
    encoded: Collection[str],
    rejected: RejectedRows,
    step: str,
    progress: Progress,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Return the wanted columns as binary cells, and the record number of each row.

    Columns in ``encoded`` come dictionary-encoded. Lines with too many or too few cells, or with
    a quote that is never closed, are set aside.

    Raises:
        DataError: the gzip file breaks off, or the file can't be read.
    """
    places = {name: names.index(name) for name in chosen}
    fast = _read_fast(file, len(names), places, encoded, step, progress)
    if fast is not None:
        return fast, np.arange(1, len(next(iter(fast.values()))) + 1, dtype=np.int64)
    with being_read(file):
        return _read_careful(file, len(names), places, encoded, rejected, step, progress)


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
    as many records as lines is the proof that no such cell is there.
    """
    types = {
        str(at): pa.dictionary(pa.int32(), pa.binary()) if name in encoded else pa.binary()
        for name, at in places.items()
    }
    stream = WatchedStream(file, step, progress)
    try:
        table = pyarrow.csv.read_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                skip_rows=1,
                column_names=[str(i) for i in range(width)],
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=file.delimiter.decode()),
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
    if stream.starts_blank or stream.lines - stream.blank_lines != table.num_rows + 1:
        return None
    table = table.unify_dictionaries()
    return {name: table.column(str(at)) for name, at in places.items()}


def _read_careful(
    file: DataFile,
    width: int,
    places: dict[str, int],
    encoded: Collection[str],
    rejected: RejectedRows,
    step: str,
    progress: Progress,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    chunks: dict[str, list[Any]] = {name: [] for name in places}
    rows: list[NDArray[np.int64]] = []
    done = 0
    with file.open() as stream:
        next(line for line in stream if line.strip())  # the header
        records = _records(stream, width, file.delimiter)
        while batch := list(itertools.islice(records, _BATCH_ROWS)):
            good = [fields for fields, _ in batch if len(fields) == width]
            fine = np.array([len(fields) == width for fields, _ in batch])
            numbers = np.arange(done + 1, done + len(batch) + 1, dtype=np.int64)
            for reason in dict.fromkeys(why for _, why in batch if why):
                bad = np.array([why == reason for _, why in batch])
                shown = [b",".join(fields) for (fields, why) in batch if why == reason]
                text = [line[:200].decode(errors="backslashreplace") for line in shown]
                rejected.add(file.path, numbers[bad], "(line)", reason, text)
            rows.append(numbers[fine])
            for name, at in places.items():
                cells = pa.array([fields[at] for fields in good], pa.binary())
                chunks[name].append(cells.dictionary_encode() if name in encoded else cells)
            done += len(batch)
            progress(step, done, 0)
    columns = {}
    for name, parts in chunks.items():
        kind = pa.dictionary(pa.int32(), pa.binary()) if name in encoded else pa.binary()
        whole = pa.chunked_array(parts, kind)
        columns[name] = whole.unify_dictionaries() if name in encoded else whole
    return columns, np.concatenate(rows) if rows else np.empty(0, np.int64)


def _records(
    lines: Iterator[bytes], width: int, delimiter: bytes
) -> Iterator[tuple[list[bytes], str]]:
    """Yield (cells, "") of every record, or what could be read of it and why it is bad.

    A bad record always has another number of cells than ``width``.
    """
    waiting: list[bytes] = []
    while True:
        line = waiting.pop() if waiting else next(lines, None)
        if line is None:
            return
        line = line.rstrip(b"\r\n")
        if not line:
            continue
        if b'"' not in line:
            fields: list[bytes] | None = line.split(delimiter)
        else:
            fields = split_record(line, delimiter)
            if fields is None and delimiter == b"\t" and line.count(delimiter) == width - 1:
                fields = line.split(delimiter)  # TSV is often written without quoting
            if fields is None:
                fields, ahead = _follow_quote(line, waiting, lines, width, delimiter)
                waiting.extend(reversed(ahead))
        if fields is None:
            yield [line] if width > 1 else [], "quote never closed"
        elif len(fields) != width:
            yield fields, "wrong number of cells"
        else:
            yield fields, ""


def _follow_quote(
    line: bytes, waiting: list[bytes], lines: Iterator[bytes], width: int, delimiter: bytes
) -> tuple[list[bytes] | None, list[bytes]]:
    """Return the record that goes on over several lines, and the lines it did not use.

    A quote is stray, and the record None, when it is never closed or when every line it would
    swallow is a whole record by itself.
    """
    taken: list[bytes] = []
    size = len(line)
    while len(taken) < _RECORD_LINES and size < _RECORD_BYTES:
        following = waiting.pop() if waiting else next(lines, None)
        if following is None:
            break
        taken.append(following)
        size += len(following)
        if b'"' not in following:
            continue
        fields = split_record(b"\n".join([line, *(t.rstrip(b"\r\n") for t in taken)]), delimiter)
        if fields is None:
            continue
        alone = [split_record(t.rstrip(b"\r\n"), delimiter) or [] for t in taken]
        if len(fields) != width or all(len(cells) == width for cells in alone):
            break
        return fields, []
    return None, taken


def split_record(line: bytes, delimiter: bytes) -> list[bytes] | None:
    r"""Return the cells of a record, or None when a quote in it is never closed.

    A quote counts only at the start of a cell, as in RFC 4180; ``3" pipe`` keeps its own.

    >>> split_record(b'a,"b, ""c\""",3" pipe', b",")
    [b'a', b'b, "c"', b'3" pipe']
    >>> split_record(b'a,"b', b",") is None
    True
    """
    cells, at = [], 0
    while True:
        if line[at : at + 1] == b'"':
            close = line.find(b'"', at + 1)
            while close >= 0 and line[close + 1 : close + 2] == b'"':
                close = line.find(b'"', close + 2)
            if close < 0:
                return None
            end = line.find(delimiter, close + 1)
            rest = line[close + 1 : end if end >= 0 else len(line)]
            cells.append(line[at + 1 : close].replace(b'""', b'"') + rest)
        else:
            end = line.find(delimiter, at)
            cells.append(line[at : end if end >= 0 else len(line)])
        if end < 0:
            return cells
        at = end + 1
