"""Which column was read as what, with values that show whether that is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from longtail.files.input_files import InputData, Inputs
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.log_columns.weight_column import amount_column
from longtail.retrieval.data.files.losses.first_rows import first_rows
from longtail.retrieval.data.files.roles.find_roles import find_roles
from longtail.retrieval.data.files.tables import column_names
from longtail.retrieval.data.files.times.two_columns.joined_times import day_and_clock
from longtail.retrieval.data.files.times.two_columns.log_roles import find_log_roles
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.text_template import template_columns
from longtail.retrieval.errors import DataError

UNUSED, FOR_FILTERS, IN_TEXT = "(unused)", "(for filters)", "(in the text)"
_VALUES, _VALUE_CHARACTERS, _TEXT_CHARACTERS, _LOOKED_AT = 3, 30, 300, 10_000


@dataclass(frozen=True)
class ColumnRead:
    """A column of a file, what it was read as, and what it holds.

    Attributes:
        file: the file's name.
        role: a role, or in brackets what else it is good for.
        column: its name in the file.
        holds: a range, or three values.
    """

    file: str
    role: str
    column: str
    holds: str


def columns_read(inputs: Inputs, data: InputData) -> list[ColumnRead]:
    """Return the columns of the catalog and the log: those with a role first, then the others."""
    of_log = [] if inputs.interactions is None else _of_log(inputs, data.log)
    return [*_of_catalog(inputs, data.catalog), *of_log]


def columns_table(columns: Sequence[ColumnRead]) -> Table:
    """Return what each column was read as, a line each."""
    table = Table("file", "role", "column", "holds", title="Columns", title_justify="left")
    file = ""
    for one in columns:
        table.add_row(one.file if one.file != file else "", one.role, one.column, one.holds)
        file = one.file
    return table


def columns_lines(columns: Sequence[ColumnRead]) -> list[str]:
    """Return the same as one line a file."""
    lines = []
    for file in dict.fromkeys(one.file for one in columns):
        own = [one for one in columns if one.file == file]
        used = [f"{c.role}={c.column} ({c.holds})" for c in own if not c.role.startswith("(")]
        others = [c.column for c in own if c.role == UNUSED]
        unused = f"; unused: {', '.join(others)}" if others else ""
        lines.append(f"{file}: {', '.join(used)}{unused}")
    return lines


def text_lines(catalog: Catalog) -> list[str]:
    """Return three texts as the tower reads them: of the first, a middle and the last item."""
    rows = np.unique(np.array([0, (len(catalog) - 1) // 2, len(catalog) - 1], np.int64))
    texts = catalog.texts(rows)
    return [
        f"text of {catalog.item_ids[row]}: {_shortened(text, _TEXT_CHARACTERS)}"
        for row, text in zip(rows.tolist(), texts, strict=True)
    ]


def _of_catalog(inputs: Inputs, catalog: Catalog) -> Iterator[ColumnRead]:
    reading, path = inputs.reading.of("items"), inputs.catalog
    roles = find_roles(path, column_names(path, reading), "items", reading.columns)
    for role, column in roles.items():
        yield ColumnRead(path.name, role, column, _held(catalog.frame[role]))
    in_text = template_columns(catalog.template)
    for label in catalog.frame.columns:
        name = str(label)
        if name not in roles:
            role = IN_TEXT if name in in_text else FOR_FILTERS
            yield ColumnRead(path.name, role, name, _held(catalog.frame[name]))


def _of_log(inputs: Inputs, log: Interactions) -> Iterator[ColumnRead]:
    reading, path = inputs.reading.of("log"), inputs.log
    present = column_names(path, reading)
    roles = find_log_roles(path, present, reading)
    if (amount := amount_column(present, roles, reading)) is not None:
        roles = {**roles, "weight": amount}
    try:
        first = first_rows(path, reading).columns
    except DataError:
        # The whole file was read; a first line that is longer than the look has no first rows.
        first = {}
    for role, column in roles.items():
        told = _whole_range(role, log)
        yield ColumnRead(path.name, role, column, told or _sample(first, column))
    used = {c for name in roles.values() for c in day_and_clock(name, present) or (name,)}
    for column in present:
        if column and column not in used:
            yield ColumnRead(path.name, UNUSED, column, _sample(first, column))


def _whole_range(role: str, log: Interactions) -> str:
    """Return from where to where a column of numbers goes; empty for one of other things."""
    if role == "timestamp" and len(log):
        low, high = int(log.time.min()), int(log.time.max())
        return f"{_moment(low)} to {_moment(high)}" if log.has_clock else "an order"
    if role == "weight" and log.weight is not None and (there := ~np.isnan(log.weight)).any():
        return f"{log.weight[there].min():g} to {log.weight[there].max():g}"
    return ""


def _held(cells: pd.Series[Any]) -> str:
    kinds = pd.api.types
    plain = not kinds.is_bool_dtype(cells.dtype)
    there = cells.dropna()
    if len(there) and plain and kinds.is_numeric_dtype(cells.dtype):
        return f"{there.min():g} to {there.max():g}"
    if len(there) and kinds.is_datetime64_any_dtype(cells.dtype):
        return f"{there.min()} to {there.max()}"
    return _three(str(value) for value in there.head(_LOOKED_AT))


def _sample(columns: dict[str, Any], column: str) -> str:
    if column not in columns:
        return ""
    return _three(as_text(columns[column]).text.to_pylist())


def _three(values: Iterable[str]) -> str:
    shown: dict[str, None] = {}
    for value in values:
        if text := _shortened(value, _VALUE_CHARACTERS):
            shown[text] = None
        if len(shown) == _VALUES:
            break
    return " | ".join(shown) or "nothing"


def _shortened(text: str, most: int) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
