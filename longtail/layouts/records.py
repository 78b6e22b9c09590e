"""The records of a file, one after the other: lines, cells, rows under a header, objects."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from longtail.layouts.left_out import LeftOut
from longtail.layouts.sample import decoded, is_gzip, is_parquet, record
from longtail.layouts.values import text
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress

# No line of a known layout is longer; a bomb is.
_MAX_LINE = 1 << 24
_MAX_CELL = 1 << 20
_LINES_BETWEEN_REPORTS = 1 << 13
_ROWS_OF_A_BATCH = 4096


class Records:
    """Reads files record by record in bounded memory; bad lines are counted and passed over."""

    def __init__(self, left_out: LeftOut, progress: Progress) -> None:
        self._left_out = left_out
        self._progress = progress

    def lines(self, path: Path, *, any_encoding: bool = False) -> Iterator[tuple[int, str]]:
        """Yield number and text of each line, gzip and line ends taken off.

        A line that isn't UTF-8 is a bad one, or is read as Latin-1 with ``any_encoding``: the
        encoding of the old files of research.

        Raises:
            DataError: the file can't be read, its gzip breaks off, or a line has no end.
        """
        size, number = path.stat().st_size, 0
        step = f"converting {path.name}"
        try:
            with path.open("rb") as raw:
                stream: Any = gzip.GzipFile(fileobj=raw) if is_gzip(path) else raw
                for line in iter(partial(stream.readline, _MAX_LINE), b""):
                    number += 1
                    if len(line) == _MAX_LINE:
                        raise DataError(f"{path}: line {number:,} is longer than 16 MiB")
                    if number % _LINES_BETWEEN_REPORTS == 0:
                        self._progress(step, min(raw.tell(), size - 1), size)
                    try:
                        spelt = line.decode("utf-8-sig" if number == 1 else "utf-8")
                    except UnicodeDecodeError:
                        if not any_encoding:
                            self._left_out.bad_line(path, number, "not UTF-8")
                            continue
                        spelt = decoded(line)
                    yield number, spelt.rstrip("\r\n")
        except (EOFError, zlib.error, OSError) as error:
            raise DataError(f"{path}: can't be read after line {number:,}: {error}") from error
        finally:
            self._left_out.read[path] = number
        self._progress(step, size, size)

    def cells(
        self, path: Path, delimiter: str, width: int, *, or_more: bool = False
    ) -> Iterator[list[str]]:
        """Yield the cells of each line of a file without header or quotes, such as ``u.data``."""
        for number, line in self.lines(path, any_encoding=True):
            cells = line.split(delimiter)
            if len(cells) == width or (or_more and len(cells) > width):
                yield cells
            elif line:
                self._left_out.bad_line(path, number, f"not {width} cells")

    def rows(
        self,
        path: Path,
        needed: Sequence[str],
        optional: Sequence[str] = (),
        *,
        delimiter: str = ",",
        any_encoding: bool = False,
    ) -> Iterator[Sequence[str]]:
        """Yield the named cells of each row of a file with a header, "" for a column not there.

        ``any_encoding`` is that of `lines`.

        Raises:
            DataError: a needed column isn't there.
        """
        if is_parquet(path):
            _check_columns(path, self.header(path), needed)
            for found in self.objects(path):
                yield [text(found.get(name)) for name in (*needed, *optional)]
            return
        lines = (f"{line}\n" for _, line in self.lines(path, any_encoding=any_encoding))
        reader = _csv_reader(lines, delimiter)
        yield from self._table(path, reader, needed, optional)

    def header(self, path: Path, delimiter: str = ",") -> list[str]:
        """Return the names of a file's header line, or of a Parquet file's columns."""
        if is_parquet(path):
            return list(pyarrow.parquet.read_schema(path).names)
        reader = _csv_reader((f"{line}\n" for _, line in self.lines(path)), delimiter)
        return [name.strip() for name in next(reader, [])]

    def _table(
        self, path: Path, reader: Any, needed: Sequence[str], optional: Sequence[str]
    ) -> Iterator[Sequence[str]]:
        csv.field_size_limit(_MAX_CELL)
        header = [name.strip() for name in next(reader, [])]
        _check_columns(path, header, needed)
        names = (*needed, *optional)
        width = len(header)
        # A cell more, that is empty, stands for the columns that aren't there.
        places = [header.index(name) if name in header else width for name in names]
        pick = itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)
        before, here = reader.line_num, all(place < width for place in places)
        while True:
            try:
                for cells in reader:
                    if len(cells) == width:
                        yield pick(cells if here else [*cells, ""])
                    elif cells:
                        lost = reader.line_num - before
                        self._left_out.bad_line(path, before + 1, f"not {width} cells", lost)
                    before = reader.line_num
                return
            except csv.Error as error:
                lost = reader.line_num - before
                self._left_out.bad_line(path, before + 1, f"{error}", lost)
                before = reader.line_num

    def objects(self, path: Path) -> Iterator[dict[str, Any]]:
        """Yield the object of each line, JSON or a Python literal, or the rows of Parquet."""
        if is_parquet(path):
            yield from self._parquet(path)
            return
        for number, line in self.lines(path):
            found = record(line)
            if found is not None:
                yield found
            elif line.strip():
                self._left_out.bad_line(path, number, "not an object")

    def _parquet(self, path: Path) -> Iterator[dict[str, Any]]:
        done = 0
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                total = file.metadata.num_rows
                for batch in file.iter_batches(_ROWS_OF_A_BATCH):
                    yield from batch.to_pylist()
                    done += len(batch)
                    self._progress(f"converting {path.name}", done, total)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{path}: can't be read: {error}") from error
        self._left_out.read[path] = done


def _check_columns(path: Path, header: Sequence[str], needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in header]:
        raise DataError(
            f"{path}: no column {missing[0]!r}; found: {', '.join(header[:30]) or 'nothing'}"
        )


def _csv_reader(lines: Iterator[str], delimiter: str) -> Any:
    # Files of tabs quote nothing: a quote in them is one.
    if delimiter == "\t":
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    # A quote that never ends is an error, not a cell that holds the rest of the file.
    return csv.reader(lines, delimiter=delimiter, strict=True)
