"""An interaction log read from a file, checked row by row, without a loop over the rows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.cells import CodedIds, code_ids
from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.log_columns.log_times import read_log_times, with_joined_column
from longtail.retrieval.data.files.log_columns.split_column import read_parts
from longtail.retrieval.data.files.log_columns.weight_column import (
    amount_column,
    read_amounts,
    read_weight_column,
)
from longtail.retrieval.data.files.losses.first_rows import first_rows
from longtail.retrieval.data.files.losses.missing_column import roles_of_log
from longtail.retrieval.data.files.losses.unmatched_ids import Hint, hint_for
from longtail.retrieval.data.files.rejected import NOT_IN_CATALOG, RejectedRows
from longtail.retrieval.data.files.roles.find_roles import mapping_of
from longtail.retrieval.data.files.row_checks import RowChecks, spell_cells, spell_ids
from longtail.retrieval.data.files.tables import Table, column_names, read_table
from longtail.retrieval.data.files.times.clock_checks import believable_clock, require_times
from longtail.retrieval.data.files.times.event_order import by_user_and_time, repeats
from longtail.retrieval.data.files.times.time_columns import (
    is_order,
    refuse_unread_times,
    time_names,
)
from longtail.retrieval.data.files.times.time_contents import refuse_times_of_any_name
from longtail.retrieval.data.files.times.timestamps import ORDER
from longtail.retrieval.data.files.times.two_columns.joined_times import day_and_clock
from longtail.retrieval.data.files.times.two_columns.log_roles import unread_clock_note
from longtail.retrieval.data.ids.frequent_users import frequent_users_note
from longtail.retrieval.data.ids.matched_ids import rows_matched
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.kept_rows import columns_of, kept_rows
from longtail.retrieval.data.meaning.told_by.all_columns import meanings_of_rows
from longtail.retrieval.data.meaning.unread_columns import look_at_unread
from longtail.retrieval.data.meaning.usual_names import AMOUNT_NAMES, STATUS_NAMES
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent


def read_interactions(
    path: Path | str,
    catalog: Catalog,
    *,
    reading: Reading = AS_THEY_ARE,
    rejected: RejectedRows,
    now: float | None = None,
    progress: Progress = silent,
) -> Interactions:
    """Return the log of a CSV, TSV, JSONL or Parquet file, sorted by user and time.

    Rows that can't be used are set aside in ``rejected``, each with the first reason found:
    undecodable ids, no user, no item, an item that isn't in the catalog, a timestamp that can't
    be read or lies more than a day after ``now`` (unix seconds; default: this moment), a label
    other than 0 and 1, an unknown split name. A weight that isn't a number is NaN, with a note.
    Events, ratings and labels say what a row means (`meanings_of_rows`). Identical (user, item,
    timestamp) events become one; where they differ in meaning, that which says the most stays, and
    a look beside it.
    A day and a time of day in two columns are one time. Without a timestamp column the order of
    the file stands for the time; ``time_format`` is how the column spells it, where that is none of
    the usual ways (`parse_times`). A column with hardly any distinct times is an order, not a
    clock. Without a weight column an amount (`amount_column`) is the weight.

    Raises:
        DataError: a required column is missing or ambiguous, the file is unreadable, mostly not
            UTF-8, more than a little of it has no usable time, or no usable row is left.
    """
    return read_log(
        path, catalog, reading=reading, rejected=rejected, now=now, progress=progress
    ).interactions


@dataclass(frozen=True)
class LogRows:
    """A log, and where each of its events stands in its file.

    Attributes:
        interactions: the log.
        rows: record number of each event, from 1, int64 [m].
    """

    interactions: Interactions
    rows: NDArray[np.int64]


def read_log(
    path: Path | str,
    catalog: Catalog,
    *,
    reading: Reading = AS_THEY_ARE,
    rejected: RejectedRows,
    now: float | None = None,
    progress: Progress = silent,
) -> LogRows:
    """Return what `read_interactions` does, and the record numbers of the events.

    Raises:
        DataError: as there.
    """
    path, reading = Path(path), reading.of("log")
    present = column_names(path, reading)
    roles = roles_of_log(path, present, reading, catalog)
    if note := unread_clock_note(path, present, roles, reading):
        rejected.note(note)
    filtered = columns_of(path, reading.keep, present)
    amounts = [name for name in present if plain_name(name) in AMOUNT_NAMES | STATUS_NAMES]
    mapped_time = mapping_of("log", reading.columns).get("timestamp")
    unmapped = time_names(present, roles, mapped_time)
    used = [c for name in roles.values() for c in day_and_clock(name, present) or (name,)]
    table = read_table(
        path,
        rejected,
        reading=reading,
        columns=list(dict.fromkeys([*used, *filtered, *amounts, *unmapped])),
        encoded={roles["user_id"], roles["item_id"]},
        step="reading interactions",
        progress=progress,
    )
    if filtered:
        table = _kept(table, filtered, reading, rejected)
    table = with_joined_column(table, roles, mapped_time, rejected)
    now = time.time() if now is None else now
    refuse_unread_times(table, unmapped, roles.get("timestamp"), now)
    refuse_times_of_any_name(path, reading.of("log"), present, roles, mapped_time, now)
    checks = RowChecks(table, rejected)
    users = code_ids(table.ids(roles["user_id"]))
    items = code_ids(table.ids(roles["item_id"]))
    checks.users(roles["user_id"], users)
    checks.ids(roles["item_id"], items, "no item")
    row_of_id = rows_matched(catalog, items.ids, reading.match or "").astype(np.int32)
    item = row_of_id[items.code]
    checks.refuse(roles["item_id"], NOT_IN_CATALOG, item < 0, spell_ids(items))
    clock = roles.get("timestamp")
    times = read_log_times(table, clock, mapped_time, reading, rejected, now)
    timeless = checks.keep.copy()
    for reason, mask in times.bad.items():
        checks.refuse(roles["timestamp"], reason, mask, spell_cells(table, roles["timestamp"]))
    timeless &= ~checks.keep
    read = read_weight_column(table, roles.get("weight"), reading, rejected)
    weight = None if read is None else read.values
    if (amount := amount_column(present, roles, reading)) is not None:
        weight = read_amounts(table, amount, rejected)
    for note in _unread(path, present, roles, reading):
        rejected.note(note)
    meanings = meanings_of_rows(path, table.columns, roles, read, reading)
    for column, reason, mask in meanings.refused:
        checks.refuse(column, reason, mask, spell_cells(table, column))
    rejected.meanings.extend(meanings.found)
    rejected.told = meanings.told
    for note in (*meanings.notes, *meanings.lines()):
        rejected.note(note)
    label = meanings.label
    part = read_parts(table, roles.get("split"), checks)
    require_times(path, clock, checks.keep, timeless, part, rejected, times)
    _require_rows(checks.keep, table, rejected, catalog, items, reading)

    keep = np.flatnonzero(checks.keep)
    # That a column named so, or called so, is an order needs no word.
    doubtful = None if reading.time_format == ORDER or is_order(clock) else clock
    times = believable_clock(path, doubtful, times, keep, rejected)
    order = keep[by_user_and_time(users.code, times, keep)]
    order = order[~repeats(users.code[order], item[order], times.seconds[order], label, order)]
    if merged := len(keep) - len(order):
        rejected.note(f"{path}: {merged:,} repeated events (same user, item, time) were merged")
    there, user = _compact(users.code[order], len(users.ids))
    log = Interactions(
        user_ids=np.array(users.ids.take(pa.array(there)).to_pylist(), dtype=object),
        user=user,
        item=item[order],
        time=times.seconds[order],
        has_clock=times.has_clock,
        weight=None if weight is None else weight[order],
        label=None if label is None else label[order],
        part=None if part is None else part[order],
    )
    if note := frequent_users_note(log):
        rejected.note(f"{path}: {note}")
    return LogRows(log, table.rows[order])


def _kept(table: Table, columns: Sequence[str], reading: Reading, rejected: RejectedRows) -> Table:
    """Return the rows that pass the filters of `Reading.keep`, with a note on the others."""
    keep = kept_rows({name: table.columns[name] for name in columns}, reading.keep)
    said = " and ".join(reading.keep)
    if not keep.any():
        raise DataError(f"{table.path}: none of its {len(table):,} rows has {said}")
    if not keep.all():
        rejected.read(table.path, int(keep.sum()) + rejected.count(table.path))
        rejected.note(f"{table.path}: {int((~keep).sum()):,} rows without {said} are left out")
    mask = pa.array(keep)
    kept = {name: cells.filter(mask) for name, cells in table.columns.items()}
    return replace(table, columns=kept, rows=table.rows[keep])


def _unread(
    path: Path, present: Sequence[str], roles: Mapping[str, str], reading: Reading
) -> list[str]:
    """Return what a person should know of columns that aren't read, after a look at a few rows."""
    if not set(present) - set(roles.values()):
        return []
    try:
        first = first_rows(path, reading).columns
    except DataError:
        return []
    return look_at_unread(path, first, roles, reading.columns)


def _require_rows(
    keep: NDArray[np.bool_],
    table: Table,
    rejected: RejectedRows,
    catalog: Catalog,
    items: CodedIds,
    reading: Reading,
) -> None:
    if keep.any():
        return
    example: Hint = ()
    if (catalog.rows_of(items.ids.to_pylist()) < 0).all() and len(items.ids):
        unmatched = items.ids.take(pa.array(items.code))
        example = (
            f"; its items look like {items.ids[0].as_py()!r}, the catalog's like "
            f"{catalog.item_ids[0]!r}",
            *hint_for(table.path, reading.of("log"), catalog, unmatched, len(table)),
        )
    raise DataError(
        f"{table.path}: none of its {len(table):,} rows can be used; the first bad one is "
        f"{rejected.first(table.path)}",
        *example,
    )


def _compact(code: NDArray[np.int32], size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the codes that occur, and the codes renumbered over these."""
    seen = np.zeros(size, bool)
    seen[code] = True
    renumbered = np.cumsum(seen, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(seen), renumbered[code]
