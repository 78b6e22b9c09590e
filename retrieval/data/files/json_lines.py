"""JSONL files, one object a line, as Arrow columns."""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json
from numpy.typing import NDArray

from longtail.retrieval.data.files.data_file import GZIP_FAILURES, DataFile, being_read
from longtail.retrieval.data.files.delimited import MOST_COLUMNS
from longtail.retrieval.data.files.dialect.lines import bounded_lines
from longtail.retrieval.data.files.dialect.watched_stream import WatchedStream
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress

MOST_DEPTH = 64
_PEEKED_LINES = 1000
_BATCH_ROWS = 50_000
_ARROW_TYPES: dict[type, Any] = {str: pa.string(), int: pa.int64(), float: pa.float64()}


def keys(file: DataFile) -> list[str]:
    """Return the keys of the first thousand objects, in order of appearance.

    Raises:
        DataError: none of these lines holds an object, or the gzip file is damaged.
    """
    return list(_peek(file))


def _peek(file: DataFile) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    start = b""
    for line in itertools.islice(_lines(file), _PEEKED_LINES):
        start = start or line.lstrip()
        record, _ = _parse(line)
        for key, value in (record or {}).items():
            values.setdefault(key, []).append(value)
        _check_width(file, len(values))
    if not start:
        raise DataError(f"{file.path}: the file is empty")
    if not values:
        if _is_python(start):
            raise DataError(
                f"{file.path}: its lines are Python's, in single quotes, not JSON; `longtail data "
                f"convert --from LAYOUT {file.path.name} --out FOLDER` reads them (amazon2014, "
                "steam, ...)"
            )
        array = " (it holds one JSON array)" if start.startswith(b"[") else ""
        if start.strip() == b"{":
            array = " (it holds one object on several lines; jq -c writes one a line)"
        raise DataError(f"{file.path}: no line is a JSON object{array}; write one object a line")
    if len(values) == 1:
        _refuse_nested_rows(file, *next(iter(values.items())))
    return values


def _refuse_nested_rows(file: DataFile, key: str, values: list[Any]) -> None:
    """Raise where the only object holds the rows in a list."""
    rows = values[0]
    if len(values) == 1 and isinstance(rows, list) and rows and isinstance(rows[0], dict):
        target = file.path.with_suffix(".jsonl").name
        target = f"new-{target}" if target == file.path.name else target
        raise DataError(
            f"{file.path}: holds one JSON object with its rows in {key!r}; write one row a line: "
            f"jq -c '.[\"{key}\"][]' {file.path.name} > {target}"
        )


def read_json_lines(
    file: DataFile,
    chosen: Sequence[str] | None,
    encoded: Collection[str],
    rejected: RejectedRows,
    step: str,
    progress: Progress,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Return the wanted columns (None: all), and the record number of each row.

    A column of one kind keeps it (text, numbers, truth); anything else becomes text. Lines that
    aren't a JSON object in UTF-8 are set aside.

    Raises:
        DataError: the gzip file breaks off, or the file can't be read.
    """
    if chosen is not None:
        fast = _read_fast(file, chosen, encoded, step, progress)
        if fast is not None:
            return fast, np.arange(1, len(next(iter(fast.values()))) + 1, dtype=np.int64)
    return _read_careful(file, chosen, rejected, step, progress)


def _read_fast(
    file: DataFile,
    chosen: Sequence[str],
    encoded: Collection[str],
    step: str,
    progress: Progress,
) -> dict[str, Any] | None:
    """Return the columns when every line is an object with values of the kinds first seen."""
    schema = {}
    for name, values in _peek(file).items():
        kinds = {type(v) for v in values if v is not None}
        kinds = {float} if kinds == {int, float} else kinds
        if name in chosen:
            if len(kinds) != 1 or not kinds <= _ARROW_TYPES.keys():
                return None
            schema[name] = _ARROW_TYPES[kinds.pop()]
    stream = WatchedStream(file, step, progress)
    try:
        table = pyarrow.json.read_json(
            stream,
            read_options=pyarrow.json.ReadOptions(block_size=8 << 20),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(schema), unexpected_field_behavior="ignore"
            ),
        )
        stream.read(1)
        # Arrow's JSON reader checks neither the encoding nor that a line holds one object.
        table.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, *GZIP_FAILURES):
        return None  # the careful reader says what is wrong, and where
    finally:
        stream.close()
    if stream.lines - stream.blank_lines != table.num_rows:
        return None
    columns = {name: table.column(name) for name in chosen}
    return {n: c.dictionary_encode() if n in encoded else c for n, c in columns.items()}


def _read_careful(
    file: DataFile,
    chosen: Sequence[str] | None,
    rejected: RejectedRows,
    step: str,
    progress: Progress,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    values: dict[str, list[Any]] = {name: [] for name in chosen or ()}
    rows: list[int] = []
    bad: dict[str, tuple[list[int], list[str]]] = {}
    number = 0
    for number, line in enumerate(_lines(file), start=1):
        record, reason = _parse(line)
        if number % _BATCH_ROWS == 0:
            progress(step, number, 0)
        if record is None:
            numbers, shown = bad.setdefault(reason, ([], []))
            numbers.append(number)
            shown.append(line[:200].decode(errors="backslashreplace").rstrip())
            continue
        rows.append(number)
        for name in record.keys() - values.keys() if chosen is None else ():
            values[name] = [None] * (len(rows) - 1)
            _check_width(file, len(values))
        for name, column in values.items():
            column.append(record.get(name))
    for reason, (numbers, shown) in bad.items():
        rejected.add(file.path, np.array(numbers, np.int64), "(line)", reason, shown)
    for name, column in values.items():
        kinds = {type(value) for value in column} - {type(None)}
        if str in kinds and kinds & {int, float}:
            rejected.note(f"{file.path}: column {name} holds numbers and text; all read as text")
    names = chosen if chosen is not None else [k for k in keys(file) if k in values]
    names = [*names, *(name for name in values if name not in names)]
    return {name: _column(values[name]) for name in names}, np.array(rows, np.int64)


def _parse(line: bytes) -> tuple[dict[str, Any] | None, str]:
    if b"\x00" in line:
        return None, "NUL byte"
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except RecursionError:
        return None, f"nested more than {MOST_DEPTH} deep"
    except ValueError:
        return None, "not valid JSON"
    if line.count(b"[") + line.count(b"{") > MOST_DEPTH and _is_deep(record):
        return None, f"nested more than {MOST_DEPTH} deep"
    return (record, "") if isinstance(record, dict) else (None, "not a JSON object")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            part
            for parts in level
            if isinstance(parts, dict | list)
            for part in (parts.values() if isinstance(parts, dict) else parts)
        ]
    return any(isinstance(part, dict | list) for part in level)


def _check_width(file: DataFile, count: int) -> None:
    if count > MOST_COLUMNS:
        raise DataError(
            f"{file.path}: has more than {MOST_COLUMNS:,} columns; is this one object a row?"
        )


def _lines(file: DataFile) -> Iterator[bytes]:
    with being_read(file), file.open() as stream:
        yield from (line for line in bounded_lines(stream, file.path) if line.strip())


def _is_python(line: bytes) -> bool:
    try:
        return isinstance(ast.literal_eval(line.decode().strip()), dict)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False


def _column(values: list[Any]) -> Any:
    """Return the values as the plainest Arrow type that holds them all."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        # Beyond 2^53 a float is another number: text keeps the digits.
        large = any(isinstance(value, int) and abs(value) > 2**53 for value in values)
        kinds = set() if large else {float}
    try:
        if kinds == {bool}:
            return pa.chunked_array([pa.array(values, pa.bool_())])
        if len(kinds) == 1 and (kind := _ARROW_TYPES.get(next(iter(kinds)))) is not None:
            return pa.chunked_array([pa.array(values, kind)])
        if kinds == {list}:
            lists = [None if value is None else [_text(part) for part in value] for value in values]
            return pa.chunked_array([pa.array(lists, pa.list_(pa.string()))])
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        pass  # a number beyond 64 bits, or half a surrogate pair: text then
    return pa.chunked_array([pa.array([_text(value) for value in values], pa.string())])


def _text(value: Any) -> str | None:
    """Return a JSON value as a person would write it; lists of any depth joined by commas.

    >>> _text([["Electronics", "Camera"], 3]), _text(7.0), _text({"a": 1})
    ('Electronics, Camera, 3', '7', '{"a": 1}')
    """
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(part for part in map(_text, value) if part)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).encode(errors="replace").decode()
