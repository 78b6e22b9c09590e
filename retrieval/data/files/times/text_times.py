"""Times in text: numbers, ISO 8601, dates as people write them, or one form that is named."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.times.day_order import order_of_format
from longtail.retrieval.data.files.times.doubtful_numbers import without_doubt
from longtail.retrieval.data.files.times.numbers import SMALLEST_CLOCK, read_numbers
from longtail.retrieval.data.files.times.other_epochs import EPOCHS, other_epoch
from longtail.retrieval.data.files.times.time_column import TimeCells, TimeColumn
from longtail.retrieval.data.files.times.written_dates import read_written_dates
from longtail.retrieval.errors import DataError

NUMBER = r"^\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*$"
_FIRST_CELLS = 100
_ZONE = r"\b(?!UTC|GMT)(?:[A-Z]{1,3}[SD]T|[A-Z]ET|MES?Z|MSK)\b"
# 1,700,352,800 and 45005,5: one group of three digits alone could be either.
_SPELT_NUMBERS = (
    (r"^\s*\d{1,3}(,\d{3}){2,}(\.\d*)?\s*$", ",", ""),
    (r"^\s*\d{4,}(,\d+)?\s*$", ",", "."),
)
_UNIVERSAL = r"\s*(?:UTC|GMT|utc)\s*$"


def numbers_of(values: NDArray[Any], unread: NDArray[np.bool_], column: TimeColumn) -> TimeCells:
    """Return what a column of numbers says; see `read_numbers` and `without_doubt`."""
    found = read_numbers(values, unread, ordinal=column.is_order)
    if column.is_order:
        return found
    if found.has_clock:
        return other_epoch(found, values, column)
    return without_doubt(found, np.where(found.unread, 0, values), column)


def read_text(text: Any, column: TimeColumn) -> TimeCells:
    """Return what a column of text says, an Arrow string array [n].

    Raises:
        DataError: the cells have two readings.
    """
    readable = np.zeros(len(text), bool)
    if (numbers := _cast(text, pa.int64())) is not None:
        return numbers_of(np.asarray(numbers), readable, column)
    for spelling, sign, plain in _SPELT_NUMBERS:
        if pc.all(pc.match_substring_regex(text.slice(0, _FIRST_CELLS), spelling)).as_py():
            spelt = pc.match_substring_regex(text, spelling)
            text = pc.if_else(spelt, pc.replace_substring(text, sign, plain), text)
            return _mixed(text, column)
    # A database that writes "2024-01-31 13:07:00 UTC" means what ISO 8601 spells Z.
    text = pc.replace_substring_regex(text, _UNIVERSAL, "Z")
    for kind in (pa.timestamp("ns"), pa.timestamp("ns", tz="UTC")):
        if (stamps := _cast(text, kind)) is not None:
            raw = np.asarray(pc.cast(stamps, pa.int64()))
            return TimeCells(raw // 10**9, raw % 10**9, readable, True)
    return _mixed(text, column)


def _cast(text: Any, kind: Any) -> Any:
    """Return cells as another type, or None where one of them isn't of it."""
    try:
        # A cast that fails looks at every cell, and the first ones nearly always tell.
        pc.cast(text.slice(0, _FIRST_CELLS), kind)
        return pc.cast(text, kind)
    except pa.ArrowInvalid:
        return None


def read_spelt(text: Any, time_format: str, column: TimeColumn) -> TimeCells:
    """Return times of text in one form; without a zone it is UTC.

    Raises:
        DataError: the form is none.
    """
    _refuse_what_would_be_lost(time_format)
    coded = text.dictionary_encode()
    trimmed = pc.utf8_trim_whitespace(coded.dictionary)
    cells = pd.Series(trimmed.to_pylist(), dtype=object)
    try:
        parsed = pd.to_datetime(cells, format=time_format, utc=True, errors="coerce")
    except (ValueError, re.error) as error:
        raise DataError(
            Field("time_format"),
            f" {time_format!r} is no form of a time: {error}; write it like %d.%m.%Y, or excel "
            "for the days of a spreadsheet, days for those since 1970, order, unix, or one of "
            f"{', '.join(EPOCHS)}",
        ) from error
    micros, known = _micros(parsed)
    if (order := order_of_format(time_format)) is not None:
        # Written with other signs, without a leading zero, or with a clock behind.
        written, read = read_written_dates(trimmed, order=order, now=column.now, named=column.named)
        micros, known = np.where(read, written, micros), known | read
    code = np.asarray(coded.indices)
    return _of_micros(micros[code], ~known[code])


def _refuse_what_would_be_lost(time_format: str) -> None:
    """Refuse a form that names a zone, or an hour of twelve whose half isn't read.

    >>> _refuse_what_would_be_lost("%Y-%m-%d %H:%M UTC")
    """
    words = re.sub(r"%.", " ", time_format)
    if zone := re.search(_ZONE, words):
        raise DataError(
            Field("time_format"),
            f" {time_format!r}: the zone {zone[0]} would be left unread; write %Z in its place",
        )
    if "%I" in time_format and "%p" not in time_format:
        raise DataError(
            Field("time_format"),
            f" {time_format!r} has hours of twelve (%I) without their half (%p); write %H for "
            "hours of a day",
        )


def _mixed(text: Any, column: TimeColumn) -> TimeCells:
    """Return times of a column in which not every cell is of one kind, distinct cells once."""
    coded = text.dictionary_encode()
    distinct = coded.dictionary
    if not pc.all(pc.string_is_ascii(distinct)).as_py():
        distinct = pc.utf8_normalize(distinct, "NFKC")  # full-width digits
    numeric = np.asarray(pc.match_substring_regex(distinct, NUMBER), bool)
    values = np.full(len(distinct), np.nan)
    numbers = pc.utf8_trim_whitespace(distinct.filter(pa.array(numeric)))
    values[numeric] = np.asarray(pc.cast(pc.utf8_ltrim(numbers, "+"), pa.float64()))
    code = np.asarray(coded.indices)
    words = distinct.filter(pa.array(~numeric))
    written, dated = _dates(words, column)
    micros, is_date = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), bool)
    micros[~numeric], is_date[~numeric] = written, dated
    found = read_numbers(values[code], ~numeric[code], ordinal=column.is_order)
    dates, micros = is_date[code], micros[code]
    if not found.has_clock:
        if column.is_order or dates.sum() * 2 < (dates | numeric[code]).sum():
            return numbers_of(values[code], ~numeric[code], column)
        # Dates with a few numbers between them: a small number there is no date.
        large = np.where(np.nan_to_num(values[code]) >= SMALLEST_CLOCK, values[code], np.nan)
        found = read_numbers(large, np.isnan(large), ordinal=False)
    if not dates.any():
        return other_epoch(found, values[code], column)
    return TimeCells(
        np.where(dates, micros // 10**6, found.seconds),
        np.where(dates, micros % 10**6 * 1000, found.nanoseconds),
        ~dates & found.unread,
        True,
    )


def _dates(words: Any, column: TimeColumn) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return microseconds of cells that are no numbers, and which of them are dates."""
    cells = pd.Series(words.to_pylist(), dtype=object)
    # "now" would be ISO 8601, too.
    digits = np.asarray(pc.match_substring_regex(words, r"^\s*\d{4}"), bool)
    parsed = pd.to_datetime(cells.where(digits), format="ISO8601", utc=True, errors="coerce")
    micros, known = _micros(parsed)
    at = np.flatnonzero(~known)
    written, read = read_written_dates(
        words.take(pa.array(at)), order=None, now=column.now, named=column.named
    )
    micros[at], known[at] = written, read
    return micros, known


def _micros(parsed: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    known = parsed.notna().to_numpy(copy=True)
    micros = np.zeros(len(parsed), np.int64)
    micros[known] = parsed.dropna().dt.as_unit("us").astype(np.int64).to_numpy()
    return micros, known


def _of_micros(micros: NDArray[np.int64], unread: NDArray[np.bool_]) -> TimeCells:
    return TimeCells(micros // 10**6, micros % 10**6 * 1000, unread, True)
