"""How a value of a users file is spelt, in a cell or in a query."""

from __future__ import annotations

from collections.abc import Sequence

UserValue = str | float | bool | Sequence[str | float | bool] | None


def as_number(text: str) -> float:
    """Return a cell as a number, NaN where it is none.

    >>> as_number("24"), as_number("tall")
    (24.0, nan)
    """
    try:
        return float(text)
    except ValueError:
        return float("nan")


def texts_of(value: UserValue, several: bool) -> list[str]:
    """Return given values as cells are spelt: trimmed, without case, whole numbers as such.

    >>> texts_of(24.0, False), texts_of("Tea|Cake", True), texts_of([True, None], True)
    (['24'], ['tea', 'cake'], ['true'])
    """
    if value is None:
        return []
    if isinstance(value, str):
        parts = value.split("|") if several else [value]
        return [part.strip().casefold() for part in parts if part.strip()]
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, int | float):
        return [str(int(value)) if float(value).is_integer() else str(value)]
    return [text for part in value for text in texts_of(part, several)]
