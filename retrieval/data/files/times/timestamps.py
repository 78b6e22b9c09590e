"""Timestamps in any of the usual spellings as whole seconds since 1970, or as ordinals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.times.doubtful_numbers import read_days
from longtail.retrieval.data.files.times.other_epochs import EPOCHS, UNIX, read_counted
from longtail.retrieval.data.files.times.text_times import (
    NUMBER,
    numbers_of,
    read_spelt,
    read_text,
)
from longtail.retrieval.data.files.times.time_column import TimeCells, TimeColumn

NOT_A_TIME, FUTURE = "timestamp can't be read", "timestamp in the future"
FAR_AWAY = "timestamp decades before the others"
# For messages: what is read.
SPELLINGS = (
    "unix numbers, dates like 20240131 or 202401311307, ISO 8601 like 2024-01-31 13:07:00, "
    "31.01.2024 13:07, 1/31/2024 1:07 PM, 31 Jan 2024 and 2024年1月31日"
)
# For `time_format`, beside forms.
EXCEL, DAYS, ORDER = "excel", "days", "order"

_TOLERANCE_S = 86_400
# No log pauses for so long: a clock that was reset, or a date that stands for "not known".
_LONGEST_PAUSE_S = 20 * 365 * 86_400
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Times:
    """What a timestamp column says.

    Attributes:
        seconds: since 1970 in UTC, or the ordinals as they stand, int64 [n]; 0 where bad.
        has_clock: whether these are real times.
        bad: reason to a mask of the rows it holds for, bool [n].
        nanoseconds: what is left of the second, int64 [n], or None where nothing is; it orders
            events of one second.
        may_be: what they may be instead, in words, and the format that reads them so.
    """

    seconds: NDArray[np.int64]
    has_clock: bool
    bad: dict[str, NDArray[np.bool_]]
    nanoseconds: NDArray[np.int64] | None = None
    may_be: tuple[str, str] = ("", "")


def parse_times(column: Any, about: TimeColumn, *, time_format: str | None = None) -> Times:
    """Return the times in an Arrow column of numbers, dates, timestamps, text or raw bytes.

    Numbers are unix seconds, milli-, micro- or nanoseconds by their own size, or dates like
    ``20240131``, ``202401311307`` and ``20240131130700``; where most are too small for that, or
    the column's name says so, they are ordinals. Text is ISO 8601, or a date as people write it
    (`read_written_dates`); without a zone it is UTC. Times later than now and a day are bad: rows
    dated in the future would decide a split by time. So are times before a pause of 20 years or
    more, where most lie after it.

    With ``time_format``, like ``%d.%m.%Y %H:%M``, cells are text of this form and nothing else;
    one of nothing but day, month and year says their order, whatever stands between them, and a
    clock may follow. ``excel`` are the days of a spreadsheet, ``days`` those since 1970, ``order``
    is an order, and `EPOCHS` are other ways of counting.

    Raises:
        DataError: the format is none, or the cells have two readings.
    """
    kind, cells = column.type, None
    if time_format == ORDER:
        about, time_format = replace(about, is_order=True), None
    if time_format in (EXCEL, DAYS):
        cells = read_days(_decimals(column), spreadsheet=time_format == EXCEL)
    elif time_format == UNIX or time_format in EPOCHS:
        cells = read_counted(as_text(column).text, time_format)
    elif time_format is not None:
        cells = read_spelt(as_text(column).text, time_format, about)
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        per_second = _PER_SECOND[kind.unit] if pa.types.is_timestamp(kind) else 1
        if pa.types.is_date(kind):
            column = pc.cast(column, pa.timestamp("s"), safe=False)
        unread = np.asarray(pc.is_null(column), bool)
        raw = np.asarray(pc.fill_null(pc.cast(column, pa.int64()), 0)).astype(np.int64)
        seconds = raw // per_second
        left = np.asarray(raw % per_second * (10**9 // per_second))
        cells = TimeCells(seconds, left, unread, True)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        unread = np.asarray(pc.is_null(column), bool)
        cells = numbers_of(np.asarray(pc.fill_null(column, 0)), unread, about)
    else:
        cells = read_text(as_text(column).text, about)
    if cells.has_clock:
        return _with_clock(cells, about.now)
    bad = {NOT_A_TIME: cells.unread} if cells.unread.any() else {}
    return Times(cells.seconds, False, bad, _unless_zero(cells.nanoseconds))


def _decimals(column: Any) -> NDArray[np.float64]:
    """Return cells as numbers, NaN where they are none; a comma may stand for the point."""
    text = pc.replace_substring(pc.utf8_trim_whitespace(as_text(column).text), ",", ".")
    numeric = pc.match_substring_regex(text, NUMBER)
    return np.asarray(pc.if_else(numeric, text, "nan").cast(pa.float64()))


def _unless_zero(nanoseconds: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return nanoseconds if nanoseconds.any() else None


def _with_clock(cells: TimeCells, now: float) -> Times:
    seconds, unread = cells.seconds, cells.unread
    future = ~unread & (seconds > now + _TOLERANCE_S)
    far_away = _before_a_pause(seconds, ~unread & ~future)
    bad = {NOT_A_TIME: unread, FUTURE: future, FAR_AWAY: far_away}
    return Times(
        np.where(unread, 0, seconds),
        True,
        {reason: mask for reason, mask in bad.items() if mask.any()},
        _unless_zero(cells.nanoseconds),
        cells.may_be,
    )


def _before_a_pause(seconds: NDArray[np.int64], good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which good times lie before a pause that no log makes, the fewer side, bool [n]."""
    before = np.zeros(len(seconds), bool)
    known = seconds[good]
    if not len(known) or known.max() - known.min() < _LONGEST_PAUSE_S:
        return before
    moments, counts = np.unique(known, return_counts=True)
    pauses = np.flatnonzero(np.diff(moments) >= _LONGEST_PAUSE_S)
    earlier = np.cumsum(counts)[pauses]
    few = pauses[earlier * 2 < len(known)]
    if len(few):
        before = good & (seconds <= moments[few[-1]])
    return before
