"""Timestamps in any of the usual spellings as whole seconds since 1970, or as ordinals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.times.numbers import SMALLEST_CLOCK, NumberTimes, read_numbers
from longtail.retrieval.errors import DataError

NOT_A_TIME, FUTURE = "timestamp can't be read", "timestamp in the future"
FAR_AWAY = "timestamp decades before the others"
# For messages: what is read.
SPELLINGS = "unix numbers, dates like 20240131, or ISO 8601 like 2024-01-31 13:07:00"

_TOLERANCE_S = 86_400
# No log pauses for so long: a clock that was reset, or a date that stands for "not known".
_LONGEST_PAUSE_S = 20 * 365 * 86_400
_NUMBER = r"^\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*$"
_UNIVERSAL = r"\s*(?:UTC|GMT|utc)\s*$"
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
    """

    seconds: NDArray[np.int64]
    has_clock: bool
    bad: dict[str, NDArray[np.bool_]]
    nanoseconds: NDArray[np.int64] | None = None


def parse_times(column: Any, *, ordinal: bool, now: float, time_format: str | None = None) -> Times:
    """Return the times in an Arrow column of numbers, dates, timestamps, text or raw bytes.

    Numbers are unix seconds, milli-, micro- or nanoseconds by their own size, or dates like
    ``20240131``, ``202401311307`` and ``20240131130700``; where most are too small for that, or
    ``ordinal`` says so, they are ordinals. Text is ISO 8601; without a zone it is UTC. Times later
    than ``now`` (unix seconds) and a day are bad: rows dated in the future would decide a split by
    time. So are times before a pause of 20 years or more, where most lie after it. With
    ``time_format``, like ``%d.%m.%Y %H:%M``, cells are text of this form and nothing else.

    Raises:
        DataError: the format is none.
    """
    if time_format is not None:
        return _as_spelt(as_text(column).text, time_format, now)
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        per_second = _PER_SECOND[kind.unit] if pa.types.is_timestamp(kind) else 1
        if pa.types.is_date(kind):
            column = pc.cast(column, pa.timestamp("s"), safe=False)
        unread = np.asarray(pc.is_null(column), bool)
        raw = np.asarray(pc.fill_null(pc.cast(column, pa.int64()), 0)).astype(np.int64)
        return _with_clock(raw // per_second, _left(raw, per_second), unread, now)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        unread = np.asarray(pc.is_null(column), bool)
        values = np.asarray(pc.fill_null(column, 0))
        return _of_numbers(read_numbers(values, unread, ordinal=ordinal), now)
    return _from_text(as_text(column).text, ordinal, now)


def _from_text(text: Any, ordinal: bool, now: float) -> Times:
    readable = np.zeros(len(text), bool)
    try:
        numbers = np.asarray(pc.cast(text, pa.int64()))
        return _of_numbers(read_numbers(numbers, readable, ordinal=ordinal), now)
    except pa.ArrowInvalid:
        pass
    # A database that writes "2024-01-31 13:07:00 UTC" means what ISO 8601 spells Z.
    text = pc.replace_substring_regex(text, _UNIVERSAL, "Z")
    for kind in (pa.timestamp("ns"), pa.timestamp("ns", tz="UTC")):
        try:
            raw = np.asarray(pc.cast(pc.cast(text, kind), pa.int64()))
        except pa.ArrowInvalid:
            continue
        return _with_clock(raw // 10**9, _left(raw, 10**9), readable, now)
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
    dated[is_date] = parsed.dropna().dt.as_unit("us").astype(np.int64).to_numpy()
    found = read_numbers(values[code], ~numeric[code], ordinal=ordinal)
    dates, written = is_date[code], dated[code]
    if not found.has_clock:
        if ordinal or dates.sum() * 2 < (dates | numeric[code]).sum():
            return _of_numbers(found, now)
        # Dates with a few numbers between them: a small number there is no date.
        large = np.where(np.nan_to_num(values[code]) >= SMALLEST_CLOCK, values[code], np.nan)
        found = read_numbers(large, np.isnan(large), ordinal=False)
    return _with_clock(
        np.where(dates, written // 10**6, found.seconds),
        np.where(dates, _left(written, 10**6), found.nanoseconds),
        ~dates & found.unread,
        now,
    )


def _as_spelt(text: Any, time_format: str, now: float) -> Times:
    """Return times of text in one form, distinct cells once; without a zone it is UTC."""
    coded = text.dictionary_encode()
    cells = pd.Series(pc.utf8_trim_whitespace(coded.dictionary).to_pylist(), dtype=object)
    try:
        parsed = pd.to_datetime(cells, format=time_format, utc=True, errors="coerce")
    except (ValueError, re.error) as error:
        raise DataError(
            Field("time_format"),
            f" {time_format!r} is no form of a time: {error}; write it like %d.%m.%Y",
        ) from error
    known = parsed.notna().to_numpy()
    raw = np.zeros(len(cells), np.int64)
    raw[known] = parsed.dropna().dt.as_unit("us").astype(np.int64).to_numpy()
    code = np.asarray(coded.indices)
    return _with_clock((raw // 10**6)[code], _left(raw, 10**6)[code], ~known[code], now)


def _left(raw: NDArray[np.int64], per_second: int) -> NDArray[np.int64]:
    return np.asarray(raw % per_second * (10**9 // per_second))


def _of_numbers(found: NumberTimes, now: float) -> Times:
    if found.has_clock:
        return _with_clock(found.seconds, found.nanoseconds, found.unread, now)
    bad = {NOT_A_TIME: found.unread} if found.unread.any() else {}
    left = found.nanoseconds if found.nanoseconds.any() else None
    return Times(found.seconds, False, bad, left)


def _with_clock(
    seconds: NDArray[np.int64],
    nanoseconds: NDArray[np.int64],
    unread: NDArray[np.bool_],
    now: float,
) -> Times:
    future = ~unread & (seconds > now + _TOLERANCE_S)
    far_away = _before_a_pause(seconds, ~unread & ~future)
    bad = {NOT_A_TIME: unread, FUTURE: future, FAR_AWAY: far_away}
    return Times(
        np.where(unread, 0, seconds),
        True,
        {reason: mask for reason, mask in bad.items() if mask.any()},
        nanoseconds if nanoseconds.any() else None,
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
