"""Timestamps in any of the usual spellings as whole seconds since 1970, or as ordinals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import as_text

NOT_A_TIME, FUTURE = "timestamp can't be read", "timestamp in the future"

# Numbers below stand for an order, not for a time: as seconds it would be before March 1973.
_SMALLEST_CLOCK = 1e8
# From here on a number is milliseconds, microseconds, nanoseconds: as seconds, the year 5138.
_MILLI, _MICRO, _NANO = 1e11, 1e14, 1e17
_TOLERANCE_S = 86_400
_NUMBER = r"^\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*$"


@dataclass(frozen=True)
class Times:
    """What a timestamp column says.

    Attributes:
        seconds: since 1970 in UTC, or the ordinals as they stand, int64 [n]; 0 where bad.
        has_clock: whether these are real times.
        bad: reason to a mask of the rows it holds for, bool [n].
    """

    seconds: NDArray[np.int64]
    has_clock: bool
    bad: dict[str, NDArray[np.bool_]]


def parse_times(column: Any, *, ordinal: bool, now: float) -> Times:
    """Return the times in an Arrow column of numbers, dates, timestamps, text or raw bytes.

    Numbers are unix seconds, milli-, micro- or nanoseconds by their own size, or dates like
    ``20240131``; where most are too small for that, or ``ordinal`` says so, they are ordinals.
    Text is ISO 8601; without a zone it is UTC. Times later than ``now`` (unix seconds) and a day
    are bad: rows dated in the future would decide a split by time.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        seconds = pc.cast(column, pa.timestamp("s", tz=getattr(kind, "tz", None)), safe=False)
        unread = np.asarray(pc.is_null(column), bool)
        whole = np.asarray(pc.fill_null(pc.cast(seconds, pa.int64()), 0)).astype(np.int64)
        return _with_clock(whole, unread, now)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        unread = np.asarray(pc.is_null(column), bool)
        return _from_numbers(np.asarray(pc.fill_null(column, 0)), unread, ordinal, now)
    return _from_text(as_text(column).text, ordinal, now)


def _from_text(text: Any, ordinal: bool, now: float) -> Times:
    try:
        numbers = np.asarray(pc.cast(text, pa.int64()))
        return _from_numbers(numbers, np.zeros(len(text), bool), ordinal, now)
    except pa.ArrowInvalid:
        pass
    for kind in (pa.timestamp("ns"), pa.timestamp("ns", tz="UTC")):
        try:
            seconds = pc.divide(pc.cast(pc.cast(text, kind), pa.int64()), 1_000_000_000)
        except pa.ArrowInvalid:
            continue
        return _with_clock(np.asarray(seconds), np.zeros(len(text), bool), now)
    return _from_mixed_text(text, ordinal, now)


def _from_mixed_text(text: Any, ordinal: bool, now: float) -> Times:
    """Return times of a column in which not every cell is of one kind, distinct cells once."""
    coded = text.dictionary_encode()
    distinct = coded.dictionary
    numeric = np.asarray(pc.match_substring_regex(distinct, _NUMBER), bool)
    values = np.full(len(distinct), np.nan)
    numbers = pc.utf8_trim_whitespace(distinct.filter(pa.array(numeric)))
    values[numeric] = np.asarray(pc.cast(pc.utf8_ltrim(numbers, "+"), pa.float64()))
    code = np.asarray(coded.indices)
    words = pd.Series(distinct.filter(pa.array(~numeric)).to_pylist(), dtype=object)
    parsed = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce")
    dated = np.zeros(len(distinct), np.int64)
    is_date = np.zeros(len(distinct), bool)
    is_date[~numeric] = parsed.notna().to_numpy()
    dated[is_date] = parsed.dropna().dt.as_unit("s").astype(np.int64).to_numpy()
    if is_date[code].sum() * 2 >= (is_date | numeric)[code].sum():
        # Dates with a few numbers between them: a small number there is no date.
        from_numbers = _seconds(values)
        unread = ~(is_date | (numeric & (np.abs(values) >= _SMALLEST_CLOCK)))
        return _with_clock(np.where(is_date, dated, from_numbers)[code], unread[code], now)
    return _from_numbers(values[code], ~numeric[code], ordinal, now)


def _from_numbers(
    values: NDArray[Any], unread: NDArray[np.bool_], ordinal: bool, now: float
) -> Times:
    if values.dtype.kind == "f":
        unread = unread | ~np.isfinite(values)
        values = np.where(unread, 0, values)
    good = values[~unread]
    if not len(good):
        return Times(np.zeros(len(values), np.int64), False, {NOT_A_TIME: unread})
    if ordinal or np.median(good) < _SMALLEST_CLOCK:
        dates = None if ordinal else _calendar_dates(values, unread)
        if dates is not None:
            return _with_clock(dates, unread, now)
        bad = {NOT_A_TIME: unread} if unread.any() else {}
        return Times(np.where(unread, 0, values).astype(np.int64), False, bad)
    # Among real times a small or negative number stands for "not known".
    return _with_clock(_seconds(values), unread | (values < _SMALLEST_CLOCK), now)


def _calendar_dates(values: NDArray[Any], unread: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Return seconds for numbers like 20240131, or None when one of them isn't such a date."""
    numbers = np.where(unread, 19700101, values).astype(np.int64)
    year, month, day = numbers // 10_000, numbers // 100 % 100, numbers % 100
    if not ((year >= 1900) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1)).all():
        return None
    months = (year * 12 + month - 1 - 1970 * 12).astype("datetime64[M]")
    dates = months.astype("datetime64[D]") + (day - 1)
    if (dates.astype("datetime64[M]") != months).any():
        return None
    return np.asarray(dates.astype("datetime64[s]").astype(np.int64))


def _seconds(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return unix seconds from numbers whose size tells their unit.

    >>> _seconds(np.array([1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000_000])).tolist()
    [1700000000, 1700000000, 1700000000]
    """
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values) & (np.abs(values) < 9e18), values, 0)
    whole = values.astype(np.int64)
    divisor = np.ones(len(whole), np.int64)
    for start, factor in ((_MILLI, 10**3), (_MICRO, 10**6), (_NANO, 10**9)):
        divisor[whole >= int(start)] = factor
    return np.asarray(whole // divisor)


def _with_clock(seconds: NDArray[Any], unread: NDArray[np.bool_], now: float) -> Times:
    future = ~unread & (seconds > now + _TOLERANCE_S)
    bad = {NOT_A_TIME: unread, FUTURE: future}
    return Times(
        np.where(unread, 0, seconds).astype(np.int64),
        True,
        {reason: mask for reason, mask in bad.items() if mask.any()},
    )
