"""Numbers that stand for a time: unix seconds to nanoseconds, the digits of a date, an order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.times.time_column import TimeCells

# Numbers below stand for an order, not for a time: as seconds it would be before March 1973.
SMALLEST_CLOCK = 1e8
# From here on a number is milliseconds, microseconds, nanoseconds: as seconds, the year 5138.
_MILLI, _MICRO, _NANO = 1e11, 1e14, 1e17
# What people write where a date isn't known; below 1 it never is one.
_UNKNOWN = (99_999_999, 99_991_231, 999_999_999_999, 99_999_999_999_999, 99_991_231_235_959)
# Digits after YYYYMMDD: none, hours, minutes, seconds, milliseconds. As a number of seconds,
# milliseconds or microseconds these lie after 2030, in 1976 or after 2570: a column full of dates
# isn't one of those.
_CLOCK_DIGITS = (1, 10**2, 10**4, 10**6, 10**9)
_CALENDAR_SHARE = 0.8
# Fewer small numbers among times stand for "not known", and so does the same one again and again.
_MOST_UNKNOWN, _FEW_COUNTS = 0.05, 5


def read_numbers(values: NDArray[Any], unread: NDArray[np.bool_], *, ordinal: bool) -> TimeCells:
    """Return what a column of numbers says; ``unread`` cells are none.

    Real times if most are large enough, each by its own size; dates like ``20240131`` or
    ``202401311307`` where four of five are; else, or where ``ordinal`` says so, ordinals. Among
    real times a small or negative number stands for "not known". Where a log that was numbered
    goes on with times, all of it is an order.
    """
    if values.dtype.kind == "f":
        unread = unread | ~np.isfinite(values) | (np.abs(values) >= 9e18)
        values = np.where(unread, 0, values)
    fraction = values - np.floor(values) if values.dtype.kind == "f" else np.zeros(len(values))
    whole = np.floor(values).astype(np.int64) if values.dtype.kind == "f" else _whole(values)
    if not (~unread).any():
        return TimeCells(np.zeros(len(values), np.int64), _none(values), unread, False)
    if not ordinal:
        seconds, is_date = calendar_seconds(whole)
        known = ~unread & (whole > 0) & ~np.isin(whole, _UNKNOWN)
        if known.any() and (is_date & known).sum() >= _CALENDAR_SHARE * known.sum():
            left = np.where(whole >= _NANO // 10, whole % 1000 * 10**6, 0)
            return TimeCells(seconds, left, unread | ~is_date, True)
        if np.median(whole[~unread]) >= SMALLEST_CLOCK:
            seconds, left = unix_seconds(whole)
            if _counts_before_times(whole, ~unread):
                return TimeCells(np.where(unread, 0, seconds), left, unread, False)
            left = np.where(whole < _MILLI, (fraction * 1e9).astype(np.int64), left)
            return TimeCells(seconds, left, unread | (whole < SMALLEST_CLOCK), True)
    left = (fraction * 1e9).astype(np.int64)
    return TimeCells(np.where(unread, 0, whole), left, unread, False)


def _counts_before_times(whole: NDArray[np.int64], known: NDArray[np.bool_]) -> bool:
    """Return whether the small numbers among times count: many, and hardly one left out."""
    small = whole[known & (whole > 0) & (whole < SMALLEST_CLOCK)]
    if len(small) <= _MOST_UNKNOWN * known.sum() or len(np.unique(small)) < _FEW_COUNTS:
        return False
    return int(small.max()) < 2 * len(small)


def unix_seconds(whole: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return seconds, and nanoseconds beside them, of numbers whose size tells their unit.

    >>> seconds, left = unix_seconds(np.array([1_700_000_000, 1_700_000_000_250, 17 * 10**17 + 7]))
    >>> seconds.tolist(), left.tolist()
    ([1700000000, 1700000000, 1700000000], [0, 250000000, 7])
    """
    divisor = np.ones(len(whole), np.int64)
    for start, factor in ((_MILLI, 10**3), (_MICRO, 10**6), (_NANO, 10**9)):
        divisor[whole >= int(start)] = factor
    seconds = whole // divisor
    return seconds, (whole - seconds * divisor) * (10**9 // divisor)


def calendar_seconds(
    whole: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return seconds of numbers that spell a date between 1900 and 2100, and which these are.

    >>> calendar_seconds(np.array([20231114, 202311142213, 20231131]))[0].tolist()
    [1699920000, 1699999980, 0]
    >>> calendar_seconds(np.array([20231114221320999]))[0].tolist()
    [1700000000]
    """
    seconds, is_date = np.zeros(len(whole), np.int64), np.zeros(len(whole), bool)
    least, most = (int(whole.min()), int(whole.max())) if len(whole) else (0, 0)
    for scale in _CLOCK_DIGITS:
        if most < 19000101 * scale or least >= 21000101 * scale:
            continue
        at = np.flatnonzero((whole >= 19000101 * scale) & (whole < 21000101 * scale))
        if not len(at):
            continue
        day, clock = np.divmod(whole[at], scale)
        # Hours, minutes and seconds as six digits, whatever the spelling leaves out.
        clock = clock * 10**6 // scale if scale > 1 else clock * 0
        hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
        year, month, date = day // 10_000, day // 100 % 100, day % 100
        valid = (month >= 1) & (month <= 12) & (date >= 1) & (hour < 24) & (minute < 60)
        valid &= second < 61
        months = (year * 12 + np.clip(month, 1, 12) - 1 - 1970 * 12).astype("datetime64[M]")
        days = months.astype("datetime64[D]") + (date - 1)
        valid &= days.astype("datetime64[M]") == months
        of_day = hour * 3600 + minute * 60 + second
        found = days.astype("datetime64[s]").astype(np.int64) + of_day
        seconds[at[valid]], is_date[at[valid]] = found[valid], True
    return seconds, is_date


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    # Beyond int64, an unsigned number would turn negative; it stands for nothing anyway.
    if values.dtype.kind == "u":
        values = np.minimum(values, np.uint64(np.iinfo(np.int64).max))
    return np.asarray(values.astype(np.int64))


def _none(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.zeros(len(values), np.int64)
