"""RecBole's atomic files: headers with types, ``user_id:token`` and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import Fits, Sample
from longtail.layouts.table_file import NUMBER, TEXT, WHOLE
from longtail.layouts.values import joined, number
from longtail.retrieval.data.files.columns import (
    CATALOG_ROLES,
    INTERACTION_ROLES,
    FileKind,
    Role,
)
from longtail.retrieval.data.files.roles.find_roles import columns_by_name, find_roles
from longtail.retrieval.errors import DataError

_TYPES = ("token", "token_seq", "float", "float_seq")
_READS_AS_TEXT = ("title", "description")
_Cell = Callable[[str], Any]


def _convert(job: Conversion) -> None:
    parts: tuple[tuple[str, FileKind, tuple[str, ...], Any], ...] = (
        ("items", "items", ("item_id",), job.items),
        ("interactions", "log", ("user_id", "item_id"), job.log),
        ("users", "users", ("user_id",), job.users),
    )
    for part, kind, ids, table in parts:
        for path in job.files(part):
            _copy(job, path, kind, ids, table)


def _copy(job: Conversion, path: Path, kind: FileKind, ids: Sequence[str], table: Any) -> None:
    """Write a file's columns under our names or else their own, the ids first."""
    typed = job.records.header(path, "\t")
    by_role = find_roles(path, typed, kind, {}, optional=("title",))
    if kind == "items" and "title" not in by_role:
        by_role["title"] = _words_column(path, typed, set(by_role.values()))
        job.notes.append(f"{path}: no column for the title; {by_role['title']} stands for it")
    own = {column: role for role, column in by_role.items()}
    order = [by_role[role] for role in ids]
    order += [column for column in typed if column not in order]
    names = [own.get(column, column.rpartition(":")[0]) for column in order]
    # RecBole's name for a weight is one of ours too, and says more.
    names = [
        "rating" if column.startswith("rating:") else n
        for n, column in zip(names, order, strict=True)
    ]
    ways = [
        _way(name, column.rpartition(":")[2]) for name, column in zip(names, order, strict=True)
    ]
    types = [kind for kind, _ in ways]
    written = table(**dict(zip(names[len(ids) :], types[len(ids) :], strict=True)))
    cells = [way for _, way in ways]
    for row in job.records.rows(path, order, delimiter="\t"):
        written.add(*(way(cell) for way, cell in zip(cells, row, strict=True)))


def _way(name: str, kind: str) -> tuple[Any, _Cell]:
    """Return how a column is stored, and what turns a cell into a value of it."""
    if name in ("user_id", "item_id"):
        return TEXT, str.strip
    if name in ("timestamp", "label"):
        return WHOLE, _whole
    if kind == "float":
        return NUMBER, number
    if kind == "token_seq" and name not in _READS_AS_TEXT:
        return TEXT, _words
    return TEXT, str.strip


def _whole(cell: str) -> int | None:
    found = number(cell)
    return None if found is None else int(found)


def _words(cell: str) -> str:
    """Return a sequence of words as a list; one with commas in it is a list already."""
    return cell.strip() if "," in cell else joined(cell.split())


def _file_of(roles: Sequence[Role], *others: Role) -> Fits:
    """Tell a file by required roles that its header has, and by others that it hasn't."""

    def fits(sample: Sample) -> bool:
        header = sample.cells("\t")
        if not all(cell.rpartition(":")[2] in _TYPES for cell in header):
            return False
        return all(_has(header, role) for role in roles) and not any(
            _has(header, role) for role in others
        )

    return fits


def _has(header: Sequence[str], role: Role) -> bool:
    return bool(columns_by_name(role, header))


def _words_column(path: Path, typed: Sequence[str], others: set[str]) -> str:
    """Return the first column of words that has no role, failing that the first with one value."""
    for kind in (":token_seq", ":token"):
        for column in typed:
            if column.endswith(kind) and column not in others:
                return column
    raise DataError(f"{path}: no column of words; found: {', '.join(typed)}")


_USER, _ITEM = (role for role in INTERACTION_ROLES if role.required)
_ITEM_OF_CATALOG = next(role for role in CATALOG_ROLES if role.name == "item_id")
RECBOLE = Layout(
    "RecBole's atomic files",
    (
        Part("items", ("*.item",), _file_of((_ITEM_OF_CATALOG,), _USER)),
        Part("interactions", ("*.inter",), _file_of((_USER, _ITEM))),
        Part("users", ("*.user",), _file_of((_USER,), _ITEM), required=False),
    ),
    _convert,
)
