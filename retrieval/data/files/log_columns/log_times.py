"""The times of a log: those of its column, or the order of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from longtail.retrieval.data.files.columns import NO_COLUMN
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import Table
from longtail.retrieval.data.files.times.time_columns import about_times
from longtail.retrieval.data.files.times.timestamps import Times, parse_times
from longtail.retrieval.data.files.times.two_columns.joined_times import day_and_clock, joined


def with_joined_column(
    table: Table, roles: Mapping[str, str], mapped: str | None, rejected: RejectedRows
) -> Table:
    """Return the table with one column of times where two columns hold day and time of day.

    ``mapped`` is what a person named for the times; that they are joined is noted otherwise.
    """
    both = day_and_clock(roles.get("timestamp", ""), table.columns)
    if both is None:
        return table
    if mapped is None:
        rejected.note(f"{table.path}: columns {both[0]} and {both[1]} are read together as times")
    day, clock = (table.columns[name] for name in both)
    return replace(table, columns={**table.columns, roles["timestamp"]: joined(day, clock)})


def read_log_times(
    table: Table,
    column: str | None,
    mapped: str | None,
    reading: Reading,
    rejected: RejectedRows,
    now: float,
) -> Times:
    """Return the times in a column of the table, or the order of the file where there is none.

    ``mapped`` is what a person named for them.

    Raises:
        DataError: the cells have two readings.
    """
    if column is not None:
        about = about_times(table.path, column, now)
        return parse_times(table.columns[column], about, time_format=reading.time_format)
    if mapped == NO_COLUMN:
        rejected.note(f"{table.path}: read without times; the order of the file stands for them")
    else:
        rejected.note(
            f"{table.path}: no timestamp column; the order of the file stands for time. "
            "Map one to the role timestamp"
        )
    return Times(table.rows, False, {})
