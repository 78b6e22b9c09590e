"""Cells of public layouts as values: numbers, times in microseconds, lists as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

SECOND = 1_000_000
_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:[eE][+-]?\d+)?")
# ISO 8601 leaves no blank before the zone; shops do.
_BLANK_BEFORE_ZONE = re.compile(r" (?=[+-]\d\d:?\d\d$)| ?UTC$")


def number(value: Any) -> float | None:
    """Return a number out of a cell, None where it holds none: a currency and commas may stand by.

    >>> number("$1,299.50"), number(4), number("Free"), number(None), number(True)
    (1299.5, 4.0, None, None, None)
    """
    if value is None or value is True or value is False:
        return None
    try:
        plain = float(value)
    except (TypeError, ValueError):
        found = _NUMBER.search(str(value))
        return float(found.group().replace(",", "")) if found else None
    return plain if math.isfinite(plain) else None


def text(value: Any) -> str:
    """Return a value as one text: lists of any depth joined by ", ", each element once.

    >>> text([["Toys", "Games"], ["Toys", "Puzzles"]]), text(" a "), text(7.0), text(float("nan"))
    ('Toys, Games, Puzzles', 'a', '7', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float):
        return "" if math.isnan(value) else str(int(value) if value.is_integer() else value)
    if isinstance(value, list | tuple):
        return joined(_elements(value))
    return str(value)


def _elements(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _elements(value)
        else:
            yield text(value)


def joined(parts: Iterable[str], between: str = ", ") -> str:
    """Return the parts that aren't empty, each once, as one text.

    >>> joined(["Drama", "", "War", "Drama"])
    'Drama, War'
    """
    return between.join(dict.fromkeys(part for part in parts if part))


def milliseconds(value: Any) -> int | None:
    """Return Unix milliseconds as microseconds, None where the cell is no number.

    >>> milliseconds("1588687728923"), milliseconds(None)
    (1588687728923000, None)
    """
    try:
        return round(float(value) * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def seconds(value: Any) -> int | None:
    """Return Unix seconds as microseconds, None where the cell is no number.

    >>> seconds("881250949"), seconds(1.5), seconds("soon")
    (881250949000000, 1500000, None)
    """
    try:
        return round(float(value) * SECOND)
    except (TypeError, ValueError, OverflowError):
        return None


@lru_cache(maxsize=1 << 16)
def iso_time(written: str) -> int | None:
    """Return an ISO 8601 date or time as microseconds since 1970, UTC where it names no zone.

    >>> iso_time("1970-01-02"), iso_time("1970-01-01 01:00:00 +0100"), iso_time("soon")
    (86400000000, 0, None)
    """
    try:
        moment = datetime.fromisoformat(_BLANK_BEFORE_ZONE.sub("", written.strip()))
    except ValueError:
        return None
    return microseconds(moment)


@lru_cache(maxsize=1 << 16)
def written_time(written: str, spelling: str) -> int | None:
    """Return a time spelt as `strptime` says as microseconds since 1970, UTC without a zone.

    >>> written_time("1/1/1970 1:00:00 AM", "%m/%d/%Y %I:%M:%S %p")
    3600000000
    """
    try:
        return microseconds(datetime.strptime(written.strip(), spelling))
    except ValueError:
        return None


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970, UTC where it has no zone."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return round(moment.timestamp()) * SECOND + moment.microsecond
    except (OverflowError, ValueError):
        return 0
