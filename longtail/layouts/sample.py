"""What a file is, told by its first line: the columns or keys it has, the shape of its cells."""

from __future__ import annotations

import ast
import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

MAX_LITERAL = 1 << 20
_LINES = 20
_KEY = re.compile(r"""['"](\w+)['"]\s*:""")


@dataclass(frozen=True)
class Sample:
    """The start of a file.

    Attributes:
        first: its first line that isn't blank, "" for Parquet and for what can't be read.
        keys: the keys of the objects in its first lines, the columns of a Parquet file.
    """

    first: str
    keys: frozenset[str] = frozenset()

    def cells(self, delimiter: str) -> list[str]:
        """Return the cells of the first line, without quotes."""
        if len(delimiter) > 1:
            return self.first.split(delimiter)
        if delimiter == "\t":
            return [cell.strip(' "') for cell in self.first.split("\t")]
        try:
            cells = next(csv.reader([self.first], delimiter=delimiter), [])
        except csv.Error:
            return []
        return [cell.strip() for cell in cells]


Fits = Callable[[Sample], bool]


def with_keys(*needed: str, without: str = "") -> Fits:
    """Tell a file of objects, or a Parquet file, by keys that it has and one that it hasn't.

    Of a file of objects all keys of the first lines count.
    """
    return lambda sample: sample.keys.issuperset(needed) and without not in sample.keys


def with_header(*needed: str, delimiter: str = ",") -> Fits:
    """Tell a file by names of its header line, or a Parquet file by its columns."""
    return lambda sample: (
        (not sample.keys and {*needed} <= {*sample.cells(delimiter)})
        or (not sample.first and sample.keys.issuperset(needed))
    )


def with_cells(delimiter: str, *shapes: str) -> Fits:
    """Tell a file without a header by the shape of each cell of a line: regular expressions."""
    patterns = [re.compile(shape) for shape in shapes]

    def fits(sample: Sample) -> bool:
        cells = sample.cells(delimiter) if not sample.keys else []
        return len(cells) == len(patterns) and all(
            pattern.fullmatch(cell) for pattern, cell in zip(patterns, cells, strict=True)
        )

    return fits


def any_of(*ways: Fits) -> Fits:
    """Tell a file by any of several ways."""
    return lambda sample: any(fits(sample) for fits in ways)


def is_gzip(path: Path) -> bool:
    """Return whether a file is compressed, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_parquet(path: Path) -> bool:
    """Return whether a file is Parquet, whatever its name says: BigQuery's parts have no suffix."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def sample_of(path: Path) -> Sample:
    """Return the start of a file; what can't be read has no keys and an empty first line."""
    found: list[str] = []
    try:
        if is_parquet(path):
            return Sample("", frozenset(pyarrow.parquet.read_schema(path).names))
        with gzip.open(path, "rb") if is_gzip(path) else path.open("rb") as file:
            for _ in range(_LINES):
                if line := decoded(file.readline(MAX_LITERAL)).strip("\r\n"):
                    found.append(line)
    except (OSError, EOFError, zlib.error, pa.ArrowException):
        # Whoever reads the file to its end says what is wrong with it.
        pass
    # Objects may leave out what they don't know.
    return Sample(found[0] if found else "", frozenset().union(*map(_keys, found)))


def decoded(line: bytes) -> str:
    """Return a line as text, as UTF-8 or else, the old files of research, as Latin-1."""
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def record(line: str) -> dict[str, Any] | None:
    """Return the object that a line holds as JSON or as a Python literal, None where it's neither.

    >>> record('{"id": 1}'), record("{u'id': u'1', 'sale': True}"), record("[1]")
    ({'id': 1}, {'id': '1', 'sale': True}, None)
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        if len(line) > MAX_LITERAL or not line.lstrip().startswith("{"):
            return None
        try:
            value = ast.literal_eval(line.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return value if isinstance(value, dict) else None


def _keys(first: str) -> frozenset[str]:
    if not first.lstrip().startswith("{"):
        return frozenset()
    found = record(first)
    return frozenset(map(str, found)) if found is not None else frozenset(_KEY.findall(first))
