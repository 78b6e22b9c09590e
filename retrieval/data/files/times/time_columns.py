"""Columns of a log that nobody named as its times, and that seem to hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.columns import NO_COLUMN, ORDINAL_NAMES, plain_name
from longtail.retrieval.data.files.roles.column_advice import column_advice
from longtail.retrieval.data.files.tables import Table
from longtail.retrieval.data.files.times.time_column import TimeColumn
from longtail.retrieval.data.files.times.timestamps import parse_times
from longtail.retrieval.errors import DataError

_NAMES = (
    "date datetime time timestamp ts at when day dt dttm created updated added ordered bought "
    "purchased datum zeit zeitpunkt zeitstempel tag uhrzeit fecha hora heure jour tijd"
)
_WORDS = frozenset(_NAMES.split())
_ENDINGS = ("date", "time", "timestamp", "datum", "zeit", "datetime")
_OTHER_SCRIPTS = re.compile("时间|時間|时刻|時刻|日期|日時|日付|年月日|시간|시각|날짜|일시")
# Times of somebody or something, but not of the event.
_OF_OTHERS = re.compile(
    "birth|geburt|born|release|expir|sign_?up|regist|joined|member_?since|anmelde|生日|出生|誕生|발매"
)
_LOOKED_AT = 2_000
_SHARE = 0.8


def says_time(column: str) -> bool:
    """Return whether the name of a column says that it holds times.

    >>> says_time("InvoiceDate"), says_time("shipped_at"), says_time("candidates")
    (True, True, False)
    """
    if is_of_others(column):
        return False
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", column)
    words = re.split(r"[\W_]+|(?<=\D)(?=\d)", spaced.lower())
    ends = any(word.endswith(_ENDINGS) for word in words)
    return bool(_WORDS.intersection(words) or ends or _OTHER_SCRIPTS.search(column))


def is_of_others(column: str) -> bool:
    """Return whether the name says that times are of somebody or something, not of the event.

    >>> is_of_others("birth_date"), is_of_others("Signup Date"), is_of_others("order date")
    (True, True, False)
    """
    return bool(_OF_OTHERS.search(column.lower()))


def is_order(column: str | None) -> bool:
    """Return whether a column's name says that it is an order and no time."""
    return column is not None and plain_name(column) in ORDINAL_NAMES.split()


def about_times(path: Path, column: str, now: float) -> TimeColumn:
    """Return what the name of a column says of the times in it."""
    return TimeColumn(f"{path}: column {column}", now, is_order(column), says_time(column))


def time_names(present: Sequence[str], roles: dict[str, str], mapped: str | None) -> list[str]:
    """Return the columns without a role whose names say time, where no other holds the times.

    ``mapped`` is what a person named for the role; that is taken without a further look.
    """
    column = roles.get("timestamp")
    if mapped is not None or (column is not None and not is_order(column)):
        return []
    used = set(roles.values())
    return [name for name in dict.fromkeys(present) if name not in used and says_time(name)]


def refuse_unread_times(table: Table, names: Sequence[str], column: str | None, now: float) -> None:
    """Stop where columns hold times and none of them is read as such.

    ``names`` are what `time_names` gave; ``column`` is the order that would stand for the time.

    Raises:
        DataError: the cells of one of them parse as times.
    """
    found = [name for name in names if _holds_times(table.columns[name], name, now)]
    stop_at(table.path, {name: _example(table.columns[name]) for name in found}, column)


def stop_at(path: Path, found: Mapping[str, str], column: str | None) -> None:
    """Refuse a log in which these columns hold times, each with a cell of it; none is fine.

    ``column`` is the order that would stand for the time.

    Raises:
        DataError: there is one.
    """
    if not found:
        return
    examples = (f"{name!r} ({cell!r})" for name, cell in found.items())
    seem = "seems" if len(found) == 1 else "seem"
    order = (
        f"column {column!r} is an order"
        if column is not None
        else "no column is known to hold the times of events"
    )
    raise DataError(
        f"{path}: {order}, and {' and '.join(examples)} {seem} to hold times; read it with ",
        *column_advice("timestamp", next(iter(found))),
        ", or go without with ",
        *column_advice("timestamp", column or NO_COLUMN),
    )


def _holds_times(cells: Any, name: str, now: float) -> bool:
    """Return whether most of the first cells that aren't empty are times."""
    some = cells.slice(0, _LOOKED_AT)
    text = as_text(some).text
    filled = pc.not_equal(pc.utf8_trim_whitespace(text), "")
    some = some.filter(filled)
    if not len(some):
        return False
    try:
        times = parse_times(some, TimeColumn(name, now))
    except DataError:
        return True  # times in a form that must be said
    bad = np.zeros(len(some), bool)
    for mask in times.bad.values():
        bad |= mask
    return times.has_clock and float((~bad).mean()) >= _SHARE


def _example(cells: Any) -> str:
    text = as_text(cells.slice(0, _LOOKED_AT)).text
    filled = text.filter(pc.not_equal(pc.utf8_trim_whitespace(text), ""))
    return str(filled[0].as_py())
