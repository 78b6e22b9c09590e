"""How a text file is written: its encoding, delimiter and header, from what it holds."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import is_known_name
from longtail.retrieval.data.files.data_file import DataFile, being_read, identify
from longtail.retrieval.data.files.dialect.encoding.encodings import (
    UTF8,
    encoding_named,
    is_encoded,
    likely_encodings,
    marked_encoding,
    spoken_name,
)
from longtail.retrieval.data.files.dialect.foreign_files import names_for, refuse_foreign_file
from longtail.retrieval.data.files.dialect.lines import bounded_lines
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.sniffing import (
    UNQUOTED,
    cells_of,
    is_value,
    sniff_delimiter,
)
from longtail.retrieval.errors import DataError

_SAMPLE_BYTES = 1 << 20
_SNIFFED_LINES = 100
_JUDGED_LINES = 2000
_NO_ACCIDENT = 6
# What spreadsheets write before the header line.
_SAYS_DELIMITER = re.compile(rb'"?sep=(.)"?')
_SPOKEN_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}
_SPOKEN_DELIMITERS |= {"blank": " ", "\\x01": "\x01", "^a": "\x01", "\\x1f": "\x1f", "pipe": "|"}


def recognise(path: Path, reading: Reading) -> DataFile:
    """Return a file with its encoding, delimiter and header, as they were said or are found.

    What was said of the delimiter counts where it stands in the first line. An encoding is looked
    for in the whole file only where its first megabyte isn't UTF-8.

    Raises:
        DataError: the file isn't there, is empty, damaged or of an unknown type; what was said of
            it can't be; its first line holds data and nobody named the columns.
    """
    file = replace(identify(path), max_inflated_gb=reading.max_inflated_gb)
    if file.format == "parquet":
        return file
    with being_read(file), replace(file, encoding=UTF8).open() as stream:
        start = stream.read(_SAMPLE_BYTES)
    if reading.encoding is not None:
        file = replace(file, encoding=encoding_named(str(reading.encoding)))
        _refuse_what_is_utf8(file, start)
    elif marked := marked_encoding(start):
        file = replace(file, encoding=marked)
    elif not is_encoded(_whole_lines(start), UTF8):
        file = replace(file, encoding=encoding_of_lines(file))
    return with_cells(file, reading) if file.is_delimited else file


def _refuse_what_is_utf8(file: DataFile, start: bytes) -> None:
    """Raise where an encoding was said of a file that shows to be UTF-8."""
    lines = _whole_lines(start)
    if file.encoding == UTF8 or marked_encoding(start) or not is_encoded(lines, UTF8):
        return
    # What is written in anything else doesn't make several characters of UTF-8, and nothing else.
    if sum(not character.isascii() for character in lines.decode()) >= _NO_ACCIDENT:
        raise DataError(
            f"{file.path}: is UTF-8, not {spoken_name(file.encoding)}: leave ",
            Field("encoding"),
            f" out for it; of one file alone it is said like items={spoken_name(file.encoding)}",
        )


def with_cells(file: DataFile, reading: Reading) -> DataFile:
    """Return a delimited file whose encoding is known with its delimiter and its columns' names.

    Raises:
        DataError: its first line holds data and nobody named the columns, or these are too few.
    """
    with being_read(file), file.open() as stream:
        start = stream.read(_SAMPLE_BYTES).removeprefix(b"\xef\xbb\xbf")
    lines = [line for line in _whole_lines(start).split(b"\n") if line.strip()][:_SNIFFED_LINES]
    lines = [line.rstrip(b"\r") for line in lines]
    said = _said_delimiter(reading)
    if lines and (spreadsheet := _SAYS_DELIMITER.fullmatch(lines[0])):
        file = replace(file, skipped_lines=1)
        lines = lines[1:]
        said = said or spreadsheet[1]
    first = lines[0] if lines else b""
    if said is not None and (said in first or len(lines) < 2):
        delimiter = said
    elif file.format == "tsv" and file.delimiter in first:
        delimiter = file.delimiter
    else:
        delimiter = sniff_delimiter(lines, file.delimiter)
    file = replace(file, delimiter=delimiter, quoted=delimiter != UNQUOTED)
    cells = [cell.decode(errors="replace").strip() for cell in cells_of(first, delimiter)]
    return _named(file, cells, reading, lines)


def encoding_of_lines(file: DataFile) -> str:
    """Return the codec of a file's lines: UTF-8 where that is right for nearly all of them.

    Another one counts where nearly all lines that hold more than ASCII aren't UTF-8, it decodes
    every line, and what comes out is plausible: one such line is enough.
    """
    stat = os.stat(file.path)
    return _encoding_of_lines(replace(file, encoding=UTF8), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=8)
def _encoding_of_lines(file: DataFile, _time: int, _size: int) -> str:
    found = _look_at_lines(file)
    if found.wide * 10 > found.foreign:
        return UTF8
    for codec in likely_encodings(found.sample):
        if _decodes(file, codec):
            return codec
    return UTF8


@dataclass(frozen=True)
class _Lines:
    """How many lines with more than ASCII a file has that are UTF-8, and that aren't; some of
    these."""

    wide: int
    foreign: int
    sample: list[bytes]


def _look_at_lines(file: DataFile) -> _Lines:
    wide = foreign = 0
    sample: list[bytes] = []
    with being_read(file), file.open() as stream:
        for line in bounded_lines(stream, file.path):
            if line.isascii():
                continue
            if is_encoded(line, UTF8):
                wide += 1
                continue
            foreign += 1
            if len(sample) < _JUDGED_LINES:
                sample.append(line.rstrip(b"\r\n"))
    return _Lines(wide, foreign, sample)


def foreign_encoding(file: DataFile) -> str:
    """Return what the encoding of lines that aren't UTF-8 is called; empty where none fits."""
    found = _look_at_lines(replace(file, encoding=UTF8))
    return next(map(spoken_name, likely_encodings(found.sample)), "") if found.foreign else ""


def _decodes(file: DataFile, codec: str) -> bool:
    with being_read(file), file.open() as stream:
        # A line's end is the same byte in all of them, and never within a character.
        while block := stream.readlines(_SAMPLE_BYTES):
            if not is_encoded(b"".join(block), codec):
                return False
    return True


def _whole_lines(start: bytes) -> bytes:
    if len(start) < _SAMPLE_BYTES or b"\n" not in start:
        return start
    return start[: start.rfind(b"\n") + 1]


def _said_delimiter(reading: Reading) -> bytes | None:
    if reading.delimiter is None:
        return None
    said = str(reading.delimiter)
    delimiter = _SPOKEN_DELIMITERS.get(said.strip().lower(), said)
    if not delimiter or '"' in delimiter or "\n" in delimiter:
        raise DataError(Field("delimiter"), f" {said!r} can't stand between cells")
    return delimiter.encode()


def _named(
    file: DataFile, cells: Sequence[str], reading: Reading, lines: Sequence[bytes]
) -> DataFile:
    """Return the file with the names given to its columns, and whether its first line has some."""
    shown = file.delimiter.decode().join(cells)
    shown = shown if len(shown) <= 100 else shown[:100] + "…"
    values = sum(map(is_value, cells))
    known = sum(map(is_known_name, cells))
    header = (
        known > 1 or (known and not values) or not {*reading.columns.values()}.isdisjoint(cells)
    )
    said = reading.names or ()
    said = said.split(",") if isinstance(said, str) else said
    names = tuple(name.strip() for name in said)
    if names and (len(names) == len(cells) or not header):
        if len(names) != len(cells):
            raise DataError(
                f"{file.path}: has {len(cells)} columns ({shown!r}), but ",
                Field("names"),
                f" names {len(names)}: {','.join(names)}",
            )
        return replace(file, names=names, has_header=bool(header))
    if not known:
        refuse_foreign_file(file.path, lines, file.delimiter)
    if values and not header:
        example = names_for(cells, of_items=reading.file == "items")
        raise DataError(
            f"{file.path}: its first line holds data, not the names of columns: {shown!r}. Name "
            f"its {len(cells)} columns in their order: ",
            Field("names"),
            f" {example}",
        )
    return file
