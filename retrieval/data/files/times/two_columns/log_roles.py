"""Which column of a log plays which role, a day and a time of day in two columns included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from longtail.retrieval.data.files.columns import INTERACTION_ROLES, plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.losses.first_rows import first_rows
from longtail.retrieval.data.files.roles.column_advice import column_advice
from longtail.retrieval.data.files.roles.find_roles import columns_by_name, find_roles, mapping_of
from longtail.retrieval.data.files.times.time_columns import says_time
from longtail.retrieval.data.files.times.two_columns.joined_times import (
    JOINT,
    are_clear,
    holds_clocks,
    holds_days,
)
from longtail.retrieval.errors import DataError

_TIMESTAMP = next(role for role in INTERACTION_ROLES if role.name == "timestamp")
_CLOCK_NAMES = ("hour", "hours", "hourofday", "stunde", "heure", "hora", "时", "小时")


def find_log_roles(path: Path, present: Sequence[str], reading: Reading) -> dict[str, str]:
    """Return which column of a log plays each role; see `find_roles`.

    Where two columns have usual names of times, the first rows of one hold days alone and those
    of the other times of day, both are the timestamp: ``date+time``.

    Raises:
        DataError: as there.
    """
    columns = reading.columns
    if "timestamp" not in mapping_of("log", columns):
        names = columns_by_name(_TIMESTAMP, list(dict.fromkeys(present)))
        both = _day_and_clock(path, names, reading) if len(names) == 2 else None
        if both is not None:
            columns = {**columns, "log.timestamp": JOINT.join(both)}
    return find_roles(path, present, "log", columns)


def unread_clock_note(
    path: Path, present: Sequence[str], roles: Mapping[str, str], reading: Reading
) -> str:
    """Return which column of times of day isn't read beside days; empty where there is none."""
    day = roles.get("timestamp")
    names = [
        name
        for name in present
        if name not in roles.values() and (says_time(name) or plain_name(name) in _CLOCK_NAMES)
    ]
    if day is None or JOINT in day or not names:
        return ""
    try:
        first = first_rows(path, reading).columns
    except DataError:
        return ""
    if day not in first or not holds_days(first[day]):
        return ""
    clock = next((n for n in names if n in first and holds_clocks(first[n])), None)
    if clock is None:
        return ""
    option, value = column_advice("timestamp", f"{day}{JOINT}{clock}")
    return (
        f"{path}: column {day} holds days, and the times of day in column {clock} aren't read; "
        f"read both together with --{option}{value}"
    )


def _day_and_clock(path: Path, names: Sequence[str], reading: Reading) -> tuple[str, str] | None:
    try:
        return are_clear(first_rows(path, reading).columns, names)
    except DataError:
        return None
