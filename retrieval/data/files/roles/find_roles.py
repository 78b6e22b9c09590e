"""Which column of a file plays which role: by what was mapped, then by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import (
    NO_COLUMN,
    ROLES,
    FileKind,
    Role,
    is_known_name,
    plain_name,
)
from longtail.retrieval.data.files.roles.column_advice import column_advice
from longtail.retrieval.data.files.times.two_columns.joined_times import day_and_clock
from longtail.retrieval.errors import DataError

# What people call a file or a role when they map it, beside our own names.
_MAPPED_FILES: dict[str, FileKind] = {
    "items": "items",
    "catalog": "items",
    "users": "users",
    "log": "log",
    "interactions": "log",
    "events": "log",
}
_MAPPED_NAMES = {"rating": "weight"}
# Where a mapping that names no file is perhaps meant for another file than this one.
_SHARED = (("items", "item_id"), ("log", "item_id"), ("users", "user_id"))

_TWO_TIMES = (
    "; what the other says is then not read. A day and a time of day are read together as "
    "timestamp=DAY+TIME"
)
_NO_HEADER = (", or all columns, where the first line holds data, with ", Field("names"))


class NoColumnError(DataError):
    """A file has no column for a role that it needs.

    Attributes:
        role: the role.
    """

    def __init__(self, role: str, *message: str | Field) -> None:
        super().__init__(*message)
        self.role = role


def mapping_of(kind: FileKind, columns: Mapping[str, str]) -> dict[str, str]:
    """Return what was mapped for one kind of file, by role; what names the file wins.

    >>> mapping_of("log", {"item_id": "id", "log.item_id": "product_id", "title": "name"})
    {'item_id': 'product_id'}

    Raises:
        DataError: a file or a role that there isn't.
    """
    shared: dict[str, str] = {}
    own: dict[str, str] = {}
    for key, column in columns.items():
        file, dot, role = key.rpartition(".")
        role = _MAPPED_NAMES.get(role, role)
        if dot and file not in _MAPPED_FILES:
            raise DataError(
                Field("column"),
                f" {key}={column}: {file!r} is no file; write items.{role}, log.{role} or "
                f"users.{role}",
            )
        kinds = [_MAPPED_FILES[file]] if dot else list(ROLES)
        if not any(role == known.name for k in kinds for known in ROLES[k]):
            known_names = dict.fromkeys(r.name for k in kinds for r in ROLES[k])
            what = f"not a role of {file}" if dot else "not a role"
            raise DataError(
                Field("column"),
                f" {key}={column}: {role!r} is {what}; map one of {', '.join(known_names)}",
            )
        if kind in kinds and any(role == known.name for known in ROLES[kind]):
            (own if dot else shared)[role] = column
    return {**shared, **own}


def find_roles(
    path: Path,
    present: Sequence[str],
    kind: FileKind,
    columns: Mapping[str, str],
    *,
    optional: Collection[str] = (),
) -> dict[str, str]:
    """Return which column of the file plays each role; roles without a column are left out.

    ``columns`` is what was mapped, for all files (``item_id``) or one (``log.item_id``); to the
    timestamp two columns may be, as ``date+time``. A
    mapping wins over our own name, which wins over aliases, which win over last resorts; ``none``
    reads without the role, unless a column has that name. A column has one role: one that is
    mapped plays no other. A mapped item_id, which two files have, falls back to names where a file
    lacks its column, and where the column is only called ``id`` and another has a name that says
    what it is; so does a mapped user_id in a users file. Roles in ``optional`` aren't required.

    Raises:
        NoColumnError: a required role has no column.
        DataError: a mapped role doesn't exist, a mapped column isn't there, a column is mapped
            to two roles, a column name occurs twice, or two columns could play the same role.
    """
    mapping = mapping_of(kind, columns)
    _refuse_two_roles(path, mapping)
    own = {key.rpartition(".")[2] for key in columns if "." in key}
    roles = sorted(ROLES[kind], key=lambda role: role.name not in mapping)
    chosen: dict[str, str] = {}
    for role in roles:
        mapped = mapping.get(role.name)
        needed = role.required and role.name not in optional
        if mapped == NO_COLUMN not in present and not needed:
            continue
        free = [column for column in present if column not in chosen.values()]
        shared = role.name not in own and (kind, role.name) in _SHARED
        candidates = _candidates(kind, role, free, mapped, shared=shared)
        if len(candidates) > 1:
            # As it was mapped it doesn't settle the matter.
            of_this_file = "" if mapped is None else f"{kind}."
            raise DataError(
                f"{path}: columns {' and '.join(map(repr, candidates))} could all be {role.name}; "
                "choose with ",
                *column_advice(f"{of_this_file}{role.name}", candidates[0]),
                _TWO_TIMES if role.name == "timestamp" else "",
            )
        if candidates:
            chosen[role.name] = candidates[0]
        elif mapped is not None and not shared:
            raise DataError(
                f"{path}: no column {mapped!r} to read {role.name} from; found: {_listed(present)}"
            )
        elif needed:
            raise NoColumnError(
                role.name,
                f"{path}: no column for {role.name}; found: {_listed(present)}. Name it with ",
                Field("column"),
                f" {role.name}=COLUMN",
                *(() if any(map(is_known_name, present)) else _NO_HEADER),
            )
    for name, column in chosen.items():
        if present.count(column) > 1:
            raise DataError(f"{path}: two columns are named {column!r}; rename one ({name})")
    return {role.name: chosen[role.name] for role in ROLES[kind] if role.name in chosen}


def _refuse_two_roles(path: Path, mapping: Mapping[str, str]) -> None:
    for role, column in mapping.items():
        other = next((r for r, c in mapping.items() if c == column and r != role), None)
        if other is not None and column != NO_COLUMN:
            raise DataError(
                f"{path}: column {column!r} can't be both {role} and {other}; give ",
                Field("column"),
                " for one of them",
            )


def _candidates(
    kind: FileKind, role: Role, present: Sequence[str], mapped: str | None, *, shared: bool
) -> list[str]:
    """Return the columns that could play a role; ``shared``: it was mapped for several files."""
    unique = list(dict.fromkeys(present))
    by_name = columns_by_name(role, unique)
    if mapped is None:
        return by_name
    if role.name == "timestamp" and day_and_clock(mapped, unique):
        return [mapped]
    same = [mapped] if mapped in unique else _like(mapped, unique)
    if not shared or len(same) != 1:
        return same or (by_name if shared else [])
    told = [column for column in by_name if _told(role, column)]
    if kind != "log" or not told or _told(role, same[0]):
        return same
    # The catalog's "id" is another thing in a log that has "id" and "product_id".
    if plain_name(mapped) in _SAYING_NOTHING:
        return told
    return [*same, *told]


_SAYING_NOTHING = ("id", "index", "key", "number", "no", "nr", "row", "rowid", "uid", "pk", "code")


def _told(role: Role, column: str) -> bool:
    """Return whether a column's name says that it plays the role."""
    return plain_name(column) in (plain_name(role.name), *role.aliases.split())


def _like(name: str, columns: Sequence[str]) -> list[str]:
    return [column for column in columns if plain_name(column) == plain_name(name)]


def columns_by_name(role: Role, columns: Sequence[str]) -> list[str]:
    """Return the columns that are named like a role, all of the best kind of name there is."""
    if role.name in columns:
        return [role.name]
    for names in (plain_name(role.name), role.aliases, *role.last_resort.split(";")):
        words = names.split()
        if matches := [c for c in columns if plain_name(c) in words]:
            return matches
    return []


def _listed(present: Sequence[str]) -> str:
    shown = ", ".join(present[:30])
    return shown + (f", and {len(present) - 30} more" if len(present) > 30 else "")
