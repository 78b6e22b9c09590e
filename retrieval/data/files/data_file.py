"""Data files on disk: their format, and their bytes with gzip taken off."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from longtail.index.disk.regular_file import irregularity
from longtail.retrieval.data.files.dialect.encoding.recoded_stream import RecodedStream
from longtail.retrieval.data.files.dialect.inflating import InflatedStream
from longtail.retrieval.errors import DataError

Format = Literal["csv", "tsv", "jsonl", "parquet"]

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".inter": "tsv",  # RecBole's files of interactions, items and users
    ".item": "tsv",
    ".user": "tsv",
    ".txt": "csv",  # what stands between their cells is looked for
    ".dat": "csv",
    ".data": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_BUFFER_BYTES = 1 << 20
GZIP_FAILURES = (EOFError, zlib.error, OSError)
# Files that have to be exported first, and how.
_SPREADSHEET = "is a spreadsheet: export it as CSV (UTF-8), its dates as 2024-01-31"
_DATABASE = (
    "is a database or a dump of one: export each table as CSV, with psql -c '\\copy items to "
    "items.csv csv header', sqlite3 -header -csv FILE 'select * from items' > items.csv, or mysql "
    "--batch -e 'select * from items' > items.tsv"
)
_TO_BE_EXPORTED = dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _SPREADSHEET)
_TO_BE_EXPORTED |= dict.fromkeys((".sql", ".dump", ".db", ".sqlite", ".sqlite3"), _DATABASE)
_MAGIC = {b"\x1f\x8b": "gzip", b"PAR1": "Parquet", b"PK\x03\x04": "zip or Excel"}


@dataclass(frozen=True)
class DataFile:
    """A data file whose name says how to read it.

    Attributes:
        path: where it is, as the caller named it.
        format: csv, tsv, jsonl or parquet.
        gzipped: whether it is to be read through gzip.
        delimiter: what stands between two cells of a delimited file.
        encoding: Python's codec of its text.
        names: the names of its columns, empty where its first line says them.
        has_header: whether its first line names columns.
        skipped_lines: how many lines before that are neither names nor data.
        quoted: whether cells may stand between quotes.
        max_inflated_gb: how large it may become without gzip; None for the usual bounds.
    """

    path: Path
    format: Format
    gzipped: bool
    delimiter: bytes = b","
    encoding: str = "utf-8"
    names: tuple[str, ...] = ()
    has_header: bool = True
    skipped_lines: int = 0
    quoted: bool = True
    max_inflated_gb: float | None = None

    @property
    def is_delimited(self) -> bool:
        """Whether its lines are cells with something between them."""
        return self.format in ("csv", "tsv")

    def open(self) -> Any:
        """Return a binary stream of the file in UTF-8, with gzip taken off."""
        return self.open_both()[1]

    def open_both(self) -> tuple[Any, Any]:
        """Return a stream of the bytes on disk, and one of its text in UTF-8 on top of it."""
        raw: Any = open(self.path, "rb")  # noqa: SIM115
        stream = raw
        if self.gzipped:
            inflated = InflatedStream(self.path, raw, self.max_inflated_gb)
            stream = io.BufferedReader(inflated, _BUFFER_BYTES)
        if self.encoding != "utf-8":
            stream = io.BufferedReader(RecodedStream(stream, self.encoding), _BUFFER_BYTES)
        return raw, stream


def identify(path: Path) -> DataFile:
    """Return the file with its format, after a look at its first bytes.

    Raises:
        DataError: it isn't there, is empty, is of an unknown type, or isn't what its name says.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the file inside it")
    if (wrong := irregularity(path)) is not None:
        raise DataError(f"{path}: {wrong}; write it to a file, which is read more than once")
    gzipped = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix.lower() if gzipped else path.suffix.lower()
    refuse_what_is_not_exported(path)
    kind = _FORMATS.get(suffix)
    if kind is None or (gzipped and kind == "parquet"):
        raise DataError(
            f"{path}: files of type {suffix + ('.gz' if gzipped else '') or '(none)'!r} aren't "
            "read; use .csv, .tsv, .txt, .dat, .jsonl (each also .gz) or .parquet"
        )
    try:
        with open(path, "rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    if not start:
        raise DataError(f"{path}: the file is empty")
    _check_magic(path, start, kind, gzipped)
    return DataFile(path, kind, gzipped, b"\t" if kind == "tsv" else b",")


def refuse_what_is_not_exported(path: Path) -> None:
    """Raise for a spreadsheet and a database, with the way to a file that is read.

    Raises:
        DataError: it is one.
    """
    suffix = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    if suffix.lower() in _TO_BE_EXPORTED:
        raise DataError(f"{path}: {_TO_BE_EXPORTED[suffix.lower()]}")


def _check_magic(path: Path, start: bytes, kind: Format, gzipped: bool) -> None:
    actual = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "text")
    expected = "gzip" if gzipped else "Parquet" if kind == "parquet" else "text"
    if actual != expected:
        fix = "rename it to what it is" if actual != "zip or Excel" else "export it as .csv"
        raise DataError(
            f"{path}: is not {'a ' * (expected != 'text')}{expected} file though its name says "
            f"so (it looks like {actual}); {fix}"
        )


@contextmanager
def being_read(file: DataFile) -> Iterator[None]:
    """Raise what goes wrong while a file is read as an error that says what is wrong with it.

    Raises:
        DataError: the gzip file breaks off, or the file can't be read.
    """
    try:
        yield
    except GZIP_FAILURES as error:
        if file.gzipped:
            raise _unreadable_gzip(file.path) from error
        raise DataError(f"{file.path}: can't be read: {error}") from error


def _unreadable_gzip(path: Path) -> DataError:
    """Return the error that says after how many lines a gzip file breaks off or is damaged."""
    lines, damage = 0, "is cut off"
    inflate = zlib.decompressobj(31)
    try:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                while block:
                    lines += inflate.decompress(block).count(b"\n")
                    block = inflate.unused_data
                    if inflate.eof:
                        inflate = zlib.decompressobj(31)
                    else:
                        block = b""
    except zlib.error:
        damage = "is damaged"
    return DataError(
        f"{path}: the gzip file {damage} after {lines:,} complete lines; nothing was read from "
        "it. Fetch or compress the file again"
    )
