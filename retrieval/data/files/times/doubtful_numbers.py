"""Numbers that would pass for an order and are dates: 31012024, or 45292.54 of a spreadsheet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.times.day_order import (
    DAY_FIRST,
    MONTH_FIRST,
    YEAR_FIRST,
    Parts,
    chosen_order,
)
from longtail.retrieval.data.files.times.numbers import calendar_seconds
from longtail.retrieval.data.files.times.other_epochs import day_of
from longtail.retrieval.data.files.times.time_column import TimeCells, TimeColumn
from longtail.retrieval.errors import DataError

# A spreadsheet counts days from here; so many seconds before 1970.
_SPREADSHEET_S = 25_569 * 86_400
# Days between 1954 and 2064.
_SERIALS = (20_000, 60_000)
# As days since 1970 these are of 2000 and later.
_EARLIEST_DAY = 10_957
_SHARE = 0.95
_FEW = 3


def without_doubt(order: TimeCells, values: NDArray[Any], column: TimeColumn) -> TimeCells:
    """Return what numbers say that were taken for an order; as dates where they are some.

    ``values`` are the numbers as they stand, [n]. Day, month and year in 5 to 8 digits are read.

    Raises:
        DataError: they may be days of a spreadsheet, or dates whose day and month can't be told
            apart.
    """
    known = ~order.unread
    if known.sum() < _FEW:
        return order
    dates = _digits_of_dates(order.seconds, known, column)
    if dates is not None:
        return dates
    kinds = {
        "days since 1970": (_EARLIEST_DAY, column.now / 86_400 + 1, 0, "days"),
        "days of a spreadsheet": (*_SERIALS, _SPREADSHEET_S, "excel"),
    }
    fit = {}
    for words, (low, high, before, name) in kinds.items():
        inside = (values >= low) & (values < high) & known
        fractions = bool((np.mod(values[inside], 1) != 0).any())
        # Prices are too many a number with a fraction for the first kind.
        doubtful = column.says_time or (fractions and name == "excel")
        if inside.sum() >= _SHARE * known.sum() and doubtful:
            example = values[inside][0].item()
            fit[name] = f"{words} (then this is {day_of(example * 86_400 - before)})"
    if fit:
        formats = [*fit, "order"]
        raise DataError(
            f"{column.named}: numbers like {example:.10g} may be {', '.join(fit.values())} or an "
            "order; say which with ",
            *(
                part
                for at, name in enumerate(formats)
                for part in (
                    Field("time_format"),
                    f" {name}" + (" or " if at + 1 < len(formats) else ""),
                )
            ),
        )
    return order


def read_days(values: NDArray[np.float64], *, spreadsheet: bool) -> TimeCells:
    """Return the times of numbers of days, float64 [n]: since 1899-12-30, or since 1970.

    >>> read_days(np.array([45292.5, np.nan]), spreadsheet=True).seconds.tolist()
    [1704110400, 0]
    """
    unread = ~((values >= 1) & (values < 2 * _SERIALS[1]))
    # A day's fraction is rounded: 13:07:20 has none that ends.
    millis = np.rint(np.where(unread, 0, values) * 86_400_000).astype(np.int64)
    seconds = millis // 1000 - (_SPREADSHEET_S if spreadsheet else 0)
    return TimeCells(np.where(unread, 0, seconds), millis % 1000 * 10**6, unread, True)


def _digits_of_dates(
    whole: NDArray[np.int64], known: NDArray[np.bool_], column: TimeColumn
) -> TimeCells | None:
    """Return numbers like 31012024 or 310124 as dates, or None where these are none."""
    for scale, orders in (
        (10**4, (DAY_FIRST, MONTH_FIRST)),
        (10**2, (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)),
    ):
        inside = known & (whole >= 1_00 * scale) & (whole < 100 * 100 * scale)
        if inside.sum() < _SHARE * known.sum():
            continue
        at = np.flatnonzero(inside)
        parts: Parts = (
            whole[at] // (100 * scale),
            whole[at] // scale % 100,
            whole[at] % scale,
        )
        if max(_are_dates(order.dated(parts, column.now), column.now) for order in orders) < _SHARE:
            continue
        cells = pa.array(whole[at].astype(str).tolist(), pa.string())
        found = chosen_order(parts, cells, dots=False, now=column.now, named=column.named)
        seconds, unread = np.zeros(len(whole), np.int64), np.ones(len(whole), bool)
        seconds[at], is_date = calendar_seconds(_digits(found.dated(parts, column.now)))
        unread[at] = ~is_date
        return TimeCells(seconds, np.zeros(len(whole), np.int64), unread, True)
    return None


def _are_dates(parts: Parts, now: float) -> float:
    """Return the share of years, months and days that are a date since 1970 and not ahead."""
    recent = (parts[0] >= 1970) & (parts[0] <= 1971 + now / (365.25 * 86_400))
    return float((recent & calendar_seconds(_digits(parts))[1]).mean())


def _digits(parts: Parts) -> NDArray[np.int64]:
    year, month, day = parts
    inside = (month <= 12) & (day <= 31)
    return np.where(inside, year * 10_000 + month * 100 + day, 0)
