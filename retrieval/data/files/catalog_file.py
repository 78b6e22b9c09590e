"""A catalog read from a file, checked row by row."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.cells import NOT_UTF8, as_text, whole_numbers_plain
from longtail.retrieval.data.files.dialect.encoding.mangled_text import mangled_note
from longtail.retrieval.data.files.dialect.numbers import blank_as_null, whole_column_of_numbers
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import find_roles
from longtail.retrieval.data.files.row_checks import refuse_undecodable
from longtail.retrieval.data.files.tables import Table, column_names, read_table
from longtail.retrieval.data.ids.identifier import faults_of_ids
from longtail.retrieval.data.item_text.markup import without_markup
from longtail.retrieval.data.item_text.variants import variants_of_products, with_variants
from longtail.retrieval.data.text_template import (
    MAX_CHARACTERS,
    render,
    resolve_template,
    template_columns,
)
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent

_HUGE_CHARACTERS = 100_000
_LIST_ROLES = ("categories", "description")
_WORDS_OF_ITEMS = ("title", "description", "categories")


def read_catalog(
    path: Path | str,
    *,
    reading: Reading = AS_THEY_ARE,
    rejected: RejectedRows,
    progress: Progress = silent,
    partial: bool = False,
) -> Catalog:
    """Return the catalog of a CSV, TSV, JSONL or Parquet file.

    Columns with a role carry our name for it, all others keep theirs; numbers stay numbers.
    Rows that can't be used are set aside in ``rejected``: bytes that aren't UTF-8, NUL bytes, an
    empty or repeated item_id (the first is kept), nothing to read under the template. Very long
    texts are kept and noted. A ``partial`` file is one of changes: it may lack a title, and what
    else the template names.

    Raises:
        DataError: a required column is missing or ambiguous, the template names a column that
            isn't there, the file is unreadable, mostly not UTF-8, or no usable row is left.
    """
    path, reading = Path(path), reading.of("items")
    optional = ("title",) if partial else ()
    present = column_names(path, reading)
    roles = find_roles(path, present, "items", reading.columns, optional=optional)
    table = read_table(path, rejected, reading=reading, step="reading catalog", progress=progress)
    table.ids(roles["item_id"])
    # A column of bytes was left out, with a note.
    roles = {role: column for role, column in roles.items() if column in table.columns}
    keep = np.ones(len(table), bool)

    def refuse(column: str, reason: str, mask: NDArray[np.bool_], text: Any) -> None:
        at = np.flatnonzero(mask & keep)
        rejected.add(path, table.rows[at], column, reason, text.take(pa.array(at)))
        keep[at] = False

    series: dict[str, pd.Series[Any]] = {}
    undecodable = np.zeros(len(table), bool)
    for column, name in _names(table, roles).items():
        cells = table.columns[column]
        if pa.types.is_decimal(cells.type) and name not in roles:
            cells = cells.cast(pa.float64())
        if _keeps_its_type(cells.type) and name not in roles:
            series[name] = _series(cells)
            continue
        read = as_text(cells)
        for reason, mask in read.bad.items():
            undecodable |= mask & (reason == NOT_UTF8)
            refuse(column, reason, mask, read.text)
        # Tags have no business in a title: one that has some is suspect, and shall look so.
        text = read.text if name == "item_id" else without_markup(read.text, tags=name != "title")
        raw = pa.types.is_binary(cells.type)
        series[name] = _strings(text) if name in roles else _infer(text, raw, table.decimal)
        if name in _LIST_ROLES:
            series[name] = series[name].map(_unlist)
    refuse_undecodable(table, undecodable)
    for role in [role for role in _WORDS_OF_ITEMS if role in series]:
        words = pa.array(series[role], pa.string())
        note = mangled_note(path, roles[role], words, table.rows, reading)
        if note:
            rejected.note(note)
            break  # once tells it all

    item_id = pc.utf8_trim_whitespace(pa.array(series["item_id"], pa.string()))
    item_id = whole_numbers_plain(item_id)
    series["item_id"] = _strings(item_id)
    refuse(roles["item_id"], "no item_id", series["item_id"].eq("").to_numpy(), item_id)
    for fault, faulty in faults_of_ids(item_id).items():
        refuse(roles["item_id"], fault, faulty, item_id)
    frame = pd.DataFrame(series)
    variants = variants_of_products(frame, keep)
    if variants.any():
        frame = with_variants(frame, variants, keep)
        keep &= ~variants
        rejected.note(
            f"{path}: {int(variants.sum()):,} rows repeat an item_id and have no title: variants, "
            "read as part of their product"
        )
    repeated = np.zeros(len(table), bool)
    repeated[keep] = series["item_id"][keep].duplicated().to_numpy()
    refuse(roles["item_id"], "item_id again (the first is kept)", repeated, item_id)

    own_names = _own_names(roles, frame)
    usable = frame if keep.all() else frame[keep]
    template = _template_of_changes(reading.template, frame) if partial else reading.template
    if template or not partial:
        template = resolve_template(template, usable, own_names)
        texts = render(template, frame)
        refuse(template, "no text", np.array([not text for text in texts]), item_id)
    if not keep.any():
        raise DataError(
            f"{path}: none of its {len(table):,} rows can be used; the first bad one is "
            f"{rejected.first(path)}"
        )
    _note_huge(table, frame[keep], rejected)
    return Catalog(frame[keep].reset_index(drop=True), template, own_names=own_names)


def _names(table: Table, roles: Mapping[str, str]) -> dict[str, str]:
    """Return our name for each of the file's columns, the item's id and title first."""
    by_column = {column: role for role, column in roles.items()}
    names: dict[str, str] = {}
    for column in [*by_column, *(c for c in table.columns if c not in by_column)]:
        name = by_column.get(column) or re.sub(r":(token|token_seq|float|float_seq)$", "", column)
        # A mapped column takes over a role's name from the column that carried it.
        names[column] = f"{name}_in_file" if name in names.values() else name
    return names


def _template_of_changes(template: str, frame: pd.DataFrame) -> str:
    """Return by what a row of changes has to have a text; empty where it needs none."""
    if set(template_columns(template)) <= set(frame.columns):
        return template
    return "{title}" if "title" in frame else ""


def _own_names(roles: Mapping[str, str], frame: pd.DataFrame) -> dict[str, str]:
    """Return the file's name of each column that a role renamed, to ours."""
    return {
        column: role
        for role, column in roles.items()
        if role != column and column not in frame.columns
    }


def _keeps_its_type(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_temporal(kind)
    )


def _infer(text: Any, raw: bool, decimal: str) -> pd.Series[Any]:
    """Return text cells as numbers or truth values where all of them are, an empty one as NaN.

    A cell like ``0123`` is a code, so its column stays text. What isn't ``raw`` was text in its
    file, and stays so unless it is amounts of money.
    """
    filled = blank_as_null(text)
    codes = pc.any(pc.match_substring_regex(filled, r"^[+-]?0\d")).as_py()
    if filled.null_count == len(filled) or codes:
        return _strings(text)
    kinds = (pa.int64(), pa.uint64(), *((pa.float64(),) if decimal != "," else ()), pa.bool_())
    for kind in kinds if raw else ():
        if kind == pa.bool_() and pc.any(pc.is_in(filled, pa.array(["0", "1"]))).as_py():
            continue
        try:
            typed = filled.cast(kind)
        except pa.ArrowInvalid:
            continue
        if kind == pa.float64() and _is_rounded(filled, typed):
            return _strings(text)
        return _series(typed)
    numbers = whole_column_of_numbers(text, decimal, amounts_only=not raw)
    return _strings(text) if numbers is None else pd.Series(numbers)


def _is_rounded(text: Any, numbers: Any) -> bool:
    """Return whether a whole number is beyond 2^53, where floats are other numbers."""
    large = pc.greater(pc.abs(numbers), float(2**53))
    whole = pc.match_substring_regex(text, r"^[+-]?\d+$")
    return bool(pc.any(pc.and_(large, whole)).as_py())


def _series(cells: Any) -> pd.Series[Any]:
    """Return typed cells; days are dates, and integers stay exact where floats can't hold them."""
    if pa.types.is_integer(cells.type) and cells.null_count:
        bounds = pc.min_max(cells).as_py()
        if bounds["max"] is not None and max(bounds["max"], -bounds["min"]) > 2**53:
            nullable = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
            return pd.Series(cells.to_pandas(types_mapper=nullable.get))
    return pd.Series(cells.to_pandas(date_as_object=False))


def _strings(text: Any) -> pd.Series[Any]:
    return pd.Series(text.to_numpy(zero_copy_only=False), dtype="str")


def _unlist(cell: str) -> str:
    """Return a list written into a cell as its elements joined by ", "; other cells as they are.

    >>> _unlist("['Books', 'Poetry']"), _unlist('[["Home"], ["Garden"]]'), _unlist("[sic]")
    ('Books, Poetry', 'Home, Garden', '[sic]')
    """
    if not (cell.startswith("[") and cell.endswith("]")):
        return cell
    for parse in (json.loads, ast.literal_eval):
        try:
            parts = [str(part) for part in _flat(parse(cell))]
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return as_text(pa.array([parts])).text[0].as_py() or ""
    return cell


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [part for element in value for part in _flat(element)]
    return [value]


def _note_huge(table: Table, frame: pd.DataFrame, rejected: RejectedRows) -> None:
    for name in frame.columns:
        if not pd.api.types.is_string_dtype(frame[name]):
            continue
        lengths = frame[name].str.len().to_numpy()
        for at in np.flatnonzero(lengths > _HUGE_CHARACTERS)[:20].tolist():
            rejected.note(
                f"{table.path}: row {int(table.rows[frame.index[at]])}, column {name}: a text of "
                f"{int(lengths[at]):,} characters is kept; the tower reads the first "
                f"{MAX_CHARACTERS:,}"
            )
