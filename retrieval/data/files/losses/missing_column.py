"""The column that could be what a file has no column for, told by the other file's ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.losses.first_rows import first_rows
from longtail.retrieval.data.files.losses.unmatched_ids import shares_of_columns
from longtail.retrieval.data.files.roles.column_advice import column_advice
from longtail.retrieval.data.files.roles.find_roles import NoColumnError
from longtail.retrieval.data.files.tables import column_names
from longtail.retrieval.data.files.times.two_columns.log_roles import find_log_roles
from longtail.retrieval.errors import DataError

# Of the first rows, for a column to be named.
_MOST = 0.5


def roles_of_log(
    path: Path, present: Sequence[str], reading: Reading, catalog: Catalog
) -> dict[str, str]:
    """Return which column of a log plays each role.

    Raises:
        NoColumnError: a role has none; the column that holds the catalog's ids is named.
        DataError: as `find_roles` says.
    """
    try:
        return find_log_roles(path, present, reading)
    except NoColumnError as error:
        if error.role != "item_id":
            raise
        known = frozenset(catalog.item_ids.tolist())
        shares = shares_of_columns(path, reading.of("log"), known)
        raise _suggesting(error, shares, "log", "catalog") from error


def with_suggestions(
    path: Path, log: Path, reading: Reading, read: Callable[..., Catalog]
) -> Catalog:
    """Return what ``read`` gives for a catalog file.

    Raises:
        NoColumnError: a role has no column; the column that holds the log's item ids is named.
    """
    try:
        return read(reading=reading)
    except NoColumnError as error:
        if error.role != "item_id":
            raise
        ids = _item_ids(log, reading.of("log"))
        if not ids:
            raise
        shares = _shares_held(path, reading.of("items"), ids)
        raise _suggesting(error, shares, "items", "log") from error


def refuse_unused_mapping(catalog: Path, log: Path, reading: Reading) -> None:
    """Refuse a column mapped to item_id that neither file has.

    Raises:
        DataError: neither has it, or a file can't be read.
    """
    mapped = reading.columns.get("item_id")
    if mapped is None:
        return
    present = [*column_names(catalog, reading.of("items")), *column_names(log, reading.of("log"))]
    if mapped not in present and not any(name.casefold() == mapped.casefold() for name in present):
        raise DataError(
            f"no column {mapped!r} to read item_id from, in {catalog} or in {log}; found: "
            f"{', '.join(dict.fromkeys(present))}"
        )


def _item_ids(path: Path, reading: Reading) -> frozenset[str]:
    """Return the item ids in the first rows of a log; none where they aren't known."""
    try:
        roles = find_log_roles(path, column_names(path, reading), reading)
        cells = first_rows(path, reading).columns[roles["item_id"]]
    except DataError:
        return frozenset()
    return frozenset(text.strip() for text in as_text(cells).text.to_pylist())


def _shares_held(path: Path, reading: Reading, ids: frozenset[str]) -> dict[str, float]:
    """Return which share of these ids the first rows of each column hold."""
    try:
        columns = first_rows(path, reading).columns
    except DataError:
        return {}
    return {
        name: len(ids & {text.strip() for text in as_text(cells).text.to_pylist()}) / len(ids)
        for name, cells in columns.items()
    }


def _suggesting(
    error: NoColumnError, shares: dict[str, float], kind: str, other: str
) -> NoColumnError:
    column = max(shares, key=lambda name: shares[name], default="")
    if shares.get(column, 0.0) <= _MOST:
        return error
    said = f"; column {column!r} holds most of the {other}'s item ids: "
    parts = [*error.args[:-3], error.args[-3].replace(". Name it with ", said)]
    return NoColumnError(error.role, *parts, *column_advice(f"{kind}.item_id", column))
