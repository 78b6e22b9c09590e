"""Whether the day, the month or the year comes first in a column of dates: its cells tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.times.numbers import calendar_seconds
from longtail.retrieval.errors import DataError

Parts = tuple[NDArray[np.int64], ...]

# Of the cells that tell the order so many may tell another one; they are then no dates.
_SLIPS = 0.01
_EARLIEST_YEAR = 1970


@dataclass(frozen=True)
class Order:
    """Which part of a date stands where, e.g. ``dmy``."""

    letters: str

    def dated(self, parts: Parts, now: float) -> Parts:
        """Return year, month and day of three parts; a year of two digits is of this century
        where that isn't in the future.

        >>> Order("mdy").dated((np.array([1]), np.array([31]), np.array([24])), 1.75e9)[0]
        array([2024])
        """
        year, month, day = (parts[self.letters.index(letter)] for letter in "ymd")
        latest = datetime.fromtimestamp(now, UTC).year + 1
        century = np.where(year + 2000 <= latest, 2000, 1900)
        return np.where(year < 100, year + century, year), month, day

    def format(self, sign: str, *, short: bool) -> str:
        """Return the order as ``--time-format`` takes it.

        >>> Order("dmy").format(".", short=False)
        '%d.%m.%Y'
        """
        return sign.join(f"%{'Y' if c == 'y' and not short else c}" for c in self.letters)


DAY_FIRST, MONTH_FIRST, YEAR_FIRST = Order("dmy"), Order("mdy"), Order("ymd")


def order_of_format(time_format: str) -> Order | None:
    """Return the order that a format of nothing but day, month and year names, or None.

    >>> order_of_format("%d.%m.%Y"), order_of_format("%d.%m.%Y %H:%M")
    (Order(letters='dmy'), None)
    """
    letters = "".join(re.findall(r"%([dmyY])", time_format)).lower()
    plain = re.fullmatch(r"%[dmyY][-/. ]?%[dmyY][-/. ]?%[dmyY]", time_format)
    return Order(letters) if plain and letters in ("dmy", "mdy", "ymd") else None


def chosen_order(parts: Parts, cells: Any, *, dots: bool, now: float, named: str) -> Order:
    """Return the order that the cells of a column have.

    A part above 12 is no month. Where every cell fits two orders, full stops between the parts
    mean that the day is first. ``cells`` are Arrow text, for messages.

    Raises:
        DataError: the order isn't told, or cells tell different ones.
    """
    # A year of four digits stands last, and may be any.
    short = bool((parts[2] < 100).all())
    earliest = _EARLIEST_YEAR if short else 0
    orders = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST) if short else (DAY_FIRST, MONTH_FIRST)
    fits = np.array([_fits(order, parts, earliest, now) for order in orders])
    telling = fits & (fits.sum(axis=0) == 1)
    told = telling.sum(axis=1)
    possible = [order for order, fit in zip(orders, fits, strict=True) if fit.any()]
    sign = re.sub(r"[\d\s]", "", str(cells[0].as_py()))[:1]
    sign = sign if sign in ("/", ".", "-") else ""
    if not told.any():
        best = int(fits.sum(axis=1).argmax())
        all_fit = [o for o, fit in zip(orders, fits, strict=True) if fit.sum() == fits[best].sum()]
        if len(possible) < 2 or len(all_fit) < 2 or _alike(all_fit, parts, now):
            return orders[best]
        if dots and DAY_FIRST in all_fit:
            return DAY_FIRST
        first, *others = (f"'{order.format(sign, short=short)}'" for order in all_fit)
        raise DataError(
            f"{named}: {cells[0].as_py()!r} and all other dates in it can be read in "
            f"{len(all_fit)} ways, with the day or the month first; say which with ",
            Field("time_format"),
            f" {first} or {' or '.join(others)}",
        )
    best = int(told.argmax())
    if (others_told := int(told.sum() - told[best])) > _SLIPS * told.sum():
        second = max((i for i in range(len(orders)) if i != best), key=lambda i: int(told[i]))
        examples = [cells[int(telling[i].argmax())].as_py() for i in (best, second)]
        raise DataError(
            f"{named}: {int(told[best]):,} dates are like {examples[0]!r} and {others_told:,} like "
            f"{examples[1]!r}, so that the order of day and month differs from row to row; write "
            "them all in one way"
        )
    return orders[best]


def _fits(order: Order, parts: Parts, earliest: int, now: float) -> NDArray[np.bool_]:
    year, month, day = order.dated(parts, now)
    inside = (month <= 12) & (day <= 31) & (year >= earliest)
    return calendar_seconds(np.where(inside, year * 10_000 + month * 100 + day, 0))[1]


def _alike(orders: list[Order], parts: Parts, now: float) -> bool:
    """Return whether all of these orders say the same, as they do of 05/05/2024."""
    first, *others = (order.dated(parts, now) for order in orders)
    return all((mine == other).all() for o in others for mine, other in zip(first, o, strict=True))
