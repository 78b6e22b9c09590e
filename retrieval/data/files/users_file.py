"""A file of users read column by column, each user once."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import NOT_UTF8, as_text, whole_numbers_plain
from longtail.retrieval.data.files.dialect.numbers import whole_column_of_numbers
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import find_roles
from longtail.retrieval.data.files.row_checks import refuse_undecodable
from longtail.retrieval.data.files.tables import column_names, read_table
from longtail.retrieval.data.ids.identifier import NO_USER, faults_of_ids, name_nobody
from longtail.retrieval.data.users.cell_values import as_number, texts_of
from longtail.retrieval.data.users.user_table import UserColumn, UserTable
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent

# Of cells, beside blank ones; without case.
MISSING = ("nan", "na", "n/a", "null")
_TYPE = re.compile(r":(token|token_seq|float|float_seq)$")


def read_users(
    path: Path | str,
    *,
    reading: Reading = AS_THEY_ARE,
    rejected: RejectedRows,
    progress: Progress = silent,
) -> UserTable:
    """Return the users of a CSV, TSV, JSONL, Parquet or RecBole file, in its order.

    Every column but the user's id says something of the user: one value, or several as a list,
    as ``a|b|c``, or with blanks between them in a column of RecBole's type ``token_seq``. Blank
    cells, and nan, na, n/a and null, are no value. Rows that can't be used are set aside in
    ``rejected``: bytes that aren't UTF-8, NUL bytes, no user, a user again (the first is kept).
    What is set aside shows the user's id, never another cell.

    Raises:
        DataError: a required column is missing or ambiguous, the file is unreadable, mostly not
            UTF-8, or no usable row is left.
    """
    path, reading = Path(path), reading.of("users")
    present = column_names(path, reading)
    role = find_roles(path, present, "users", reading.columns)["user_id"]
    table = read_table(path, rejected, reading=reading, step="reading users", progress=progress)
    ids = as_text(table.ids(role))
    user_id = whole_numbers_plain(pc.utf8_trim_whitespace(ids.text))
    keep = np.ones(len(table), bool)

    def refuse(column: str, reason: str, mask: NDArray[np.bool_]) -> None:
        at = np.flatnonzero(mask & keep)
        rejected.add(path, table.rows[at], column, reason, user_id.take(pa.array(at)))
        keep[at] = False

    undecodable = np.zeros(len(table), bool)
    read = {name: cells for name, cells in table.columns.items() if name != role}
    texts = {name: None if _holds_lists(cells) else as_text(cells) for name, cells in read.items()}
    for name, text in ((role, ids), *texts.items()):
        for reason, mask in text.bad.items() if text is not None else ():
            undecodable |= mask & (reason == NOT_UTF8)
            refuse(name, reason, mask)
    refuse_undecodable(table, undecodable)
    refuse(role, "no user", np.asarray(pc.equal(user_id, ""), bool))
    for fault, faulty in faults_of_ids(user_id).items():
        refuse(role, fault, faulty)
    refuse(role, NO_USER, name_nobody(user_id))
    spelt = np.array(user_id.to_pylist(), dtype=object)
    repeated = np.zeros(len(table), bool)
    repeated[keep] = pd.Series(spelt[keep]).duplicated().to_numpy()
    refuse(role, "user again (the first is kept)", repeated)
    if not keep.any():
        raise DataError(
            f"{path}: none of its {len(table):,} rows can be used; the first bad one is "
            f"{rejected.first(path)}"
        )
    kept, left_out, made = np.flatnonzero(keep), {}, {}
    for name, text in texts.items():
        plain = _TYPE.sub("", name)
        plain = name if plain in made else plain
        if name.endswith(":float_seq"):
            left_out[plain] = "a list of numbers in each cell"
        else:
            cells = read[name] if text is None else _with_points(text.text, table.decimal)
            made[plain] = _column(plain, cells.take(pa.array(kept)), name.endswith(":token_seq"))
    return UserTable(spelt[kept], tuple(made.values()), left_out)


def _with_points(text: Any, decimal: str) -> Any:
    """Return a column of numbers with decimal commas with points; any other as it is."""
    numbers = None if decimal == "." else whole_column_of_numbers(text, decimal)
    return text if numbers is None else as_text(pa.chunked_array([numbers])).text


def _holds_lists(cells: Any) -> bool:
    return bool(pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type))


def _column(name: str, cells: Any, blanks: bool) -> UserColumn:
    """Return one column of the kept rows; ``blanks`` stand between a cell's values."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    coded = cells.dictionary_encode() if not _holds_lists(cells) else None
    distinct = cells.to_pylist() if coded is None else coded.dictionary.to_pylist()
    several = coded is None or blanks or any("|" in cell or _is_list(cell) for cell in distinct)
    parts = [_parts(cell, several, blanks) for cell in distinct]
    sizes = np.array([len(part) for part in parts], np.int64)
    ends = np.cumsum(sizes)
    flat = np.array([value for part in parts for value in part], dtype=object)
    numbers = None
    if not several and len(flat):
        read = np.array([as_number(value) for value in flat], np.float64)
        # Beside 0123, which is a code, 0 isn't a number either.
        codes = any(re.match(r"[+-]?0\d", value) for value in flat)
        if np.isfinite(read).all() and not codes:
            flat = np.array([texts_of(number, False)[0] for number in read], dtype=object)
            numbers = read
    code, values = pd.factorize(flat, sort=True)
    _, first = np.unique(code, return_index=True)
    cell = np.arange(len(parts)) if coded is None else np.asarray(coded.indices, np.int64)
    lengths = sizes[cell] if len(parts) else np.zeros(len(cell), np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    starts = np.repeat((ends - sizes)[cell] - offsets[:-1], lengths)
    return UserColumn(
        name=name,
        offsets=offsets,
        codes=code[starts + np.arange(offsets[-1])].astype(np.int32),
        values=np.asarray(values, dtype=object),
        numbers=None if numbers is None else numbers[first],
        several=several,
    )


def _is_list(cell: str) -> bool:
    return cell.startswith("[") and cell.endswith("]")


def _parts(cell: Any, several: bool, blanks: bool) -> list[str]:
    """Return the values of a cell.

    >>> _parts("Tea|Cake", True, False), _parts('["a b", null]', True, False)
    (['tea', 'cake'], ['a b'])
    >>> _parts("tea cake", True, True), _parts(" n/a ", False, False)
    (['tea', 'cake'], [])
    """
    if isinstance(cell, str) and _is_list(cell):
        cell = _unlisted(cell)
    if isinstance(cell, str) and blanks:
        cell = cell.split()
    if isinstance(cell, list):
        # Lists hold whatever Parquet can.
        plain = (str, int, float)
        cell = [part if part is None or isinstance(part, plain) else str(part) for part in cell]
    return [text for text in texts_of(cell, several) if text not in MISSING]


def _unlisted(cell: str) -> Any:
    """Return a list written into a cell as such; other cells as they are."""
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list) and all(
            part is None or isinstance(part, str | int | float) for part in value
        ):
            return value
    return cell
