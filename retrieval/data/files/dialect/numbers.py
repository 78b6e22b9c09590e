"""Numbers as people write them: with a decimal comma, in full width, with a currency."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# In place of a mark: a comma is one where a column has any.
EITHER = "?"
_MOST_CHARACTERS = 40
_WITH_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?")
_AMOUNT = re.compile(
    r"([^\d\s.,+-]{0,4}\.?)\s*([+-]?\s?\d[\d.,'\u2019\s]*?)\s*([^\d\s.,+-]{0,4}\.?)"
)
_CODES = frozenset(
    re.split(
        r"\s+",
        "usd eur gbp jpy cny rmb inr rub krw brl chf cad aud nzd mxn sek nok dkk pln czk huf try "
        "uah hkd twd sgd thb vnd idr zar ars clp cop aed sar ils us$ nt$ hk$ r$ a$ c$ rs rs. kr "
        "kr. zł kč ft lei руб руб. р. грн tl 元 円 원 圆 圓",
    )
)


def read_numbers(text: Any, decimal: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of an Arrow string array, and which cells hold one.

    A blank cell is NaN and counts as read. ``decimal`` is ``.``, ``,`` or `EITHER`. Quotes around
    a number and full-width digits are fine.
    """
    filled = blank_as_null(text)
    try:
        # Before a decimal comma, a point may stand between thousands.
        values = None if decimal == "," else filled.cast(pa.float64())
    except pa.ArrowInvalid:
        values = None
    if values is None:
        coded = filled.dictionary_encode()
        words = [_narrow(word) for word in coded.dictionary.to_pylist()]
        values = pa.array(_numbers(words, decimal), pa.float64()).take(coded.indices)
    numbers = np.array(values.to_numpy(zero_copy_only=False), np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers, ~np.isnan(numbers) | np.asarray(filled.is_null())


def whole_column_of_numbers(
    text: Any, decimal: str, *, amounts_only: bool = False
) -> NDArray[np.float64] | None:
    """Return a column's numbers where every cell is one, or an amount of one currency, or blank.

    None for any other column, and where a cell like ``0123`` shows that they are codes.
    """
    filled = blank_as_null(text)
    # Most columns are words, which a look at the first ones tells.
    first = filled.slice(0, 1000).drop_null().slice(0, 20).dictionary_encode()
    if _column(first.dictionary.to_pylist(), decimal, amounts_only) is None:
        return None
    coded = filled.dictionary_encode()
    numbers = _column(coded.dictionary.to_pylist(), decimal, amounts_only)
    if numbers is None:
        return None
    values = pa.array(numbers, pa.float64()).take(coded.indices)
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def whole_amounts(words: Sequence[str], decimal: str) -> NDArray[np.float64] | None:
    """Return amounts of money as numbers, or None unless all are of one currency and one form.

    >>> whole_amounts(["$1,299.00", "$5.50"], ".").tolist(), whole_amounts(["$5", "5 EUR"], ".")
    ([1299.0, 5.5], None)
    >>> whole_amounts(["1.299,00 €", "5,50 €"], ".").tolist()
    [1299.0, 5.5]
    """
    found = [_AMOUNT.fullmatch(word) for word in words]
    if not words or not all(found):
        return None
    parts = [match.groups() for match in found if match]
    if len({(before.lower(), after.lower()) for before, _, after in parts}) != 1:
        return None
    before, _, after = parts[0]
    if bool(before) == bool(after) or not _is_currency(before or after):
        return None
    spelt = [re.sub(r"[\s'\u2019]", "", number) for _, number, _ in parts]
    mark = _decimal_mark(spelt, decimal)
    if mark is None:
        return None
    other = "." if mark == "," else ","
    try:
        return np.array([float(n.replace(other, "").replace(mark, ".")) for n in spelt])
    except ValueError:
        return None


def _column(
    distinct: Sequence[str], decimal: str, amounts_only: bool
) -> NDArray[np.float64] | None:
    words = [_narrow(word) for word in distinct if len(word) <= _MOST_CHARACTERS]
    if len(words) < len(distinct) or any(re.match(r"[+-]?0\d", word) for word in words):
        return None
    numbers = None if amounts_only else _numbers(words, decimal)
    if numbers is None or not np.isfinite(numbers).all():
        numbers = whole_amounts(words, decimal)
    return numbers


def blank_as_null(text: Any) -> Any:
    """Return an Arrow string array without outer blanks, an empty cell as null."""
    trimmed = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _numbers(words: Sequence[str], decimal: str) -> NDArray[np.float64]:
    comma = decimal == "," or (
        decimal == EITHER and any("," in word and _WITH_COMMA.fullmatch(word) for word in words)
    )
    return np.array([_number(word, comma) for word in words], np.float64)


def _number(word: str, comma: bool) -> float:
    """Return a number, NaN where there is none.

    >>> _number("1.234,5", True), _number("4,5", False), _number("4.5", True)
    (1234.5, nan, 4.5)
    """
    if comma and _WITH_COMMA.fullmatch(word):
        word = word.replace(".", "").replace(",", ".")
    try:
        return float(word) if "_" not in word else float("nan")
    except ValueError:
        return float("nan")


def _narrow(word: str) -> str:
    """Return a cell with digits and marks of usual width, without quotes around it."""
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word).replace("\u2212", "-")
    return word.strip("\"' \t\u00a0")


def _is_currency(sign: str) -> bool:
    return sign.lower() in _CODES or any(unicodedata.category(c) == "Sc" for c in sign)


def _decimal_mark(numbers: Sequence[str], decimal: str) -> str | None:
    """Return which mark stands before the decimals of all these numbers; None where none tells."""
    if decimal in (",", "."):
        other = "." if decimal == "," else ","
        if all(re.fullmatch(rf"[+-]?\d[\d{other}]*({re.escape(decimal)}\d+)?", n) for n in numbers):
            groups = [n for n in numbers if other in n]
            if all(re.search(rf"{re.escape(other)}\d{{3}}(?!\d)", n) for n in groups):
                return decimal
    both = [n for n in numbers if "," in n and "." in n]
    if both:
        marks = {"," if n.rfind(",") > n.rfind(".") else "." for n in both}
        return marks.pop() if len(marks) == 1 else None
    for mark, other in ((",", "."), (".", ",")):
        marked = [n for n in numbers if mark in n]
        if marked and not any(other in n for n in numbers):
            grouped = all(
                re.fullmatch(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}})+", n) for n in marked
            )
            if not grouped:
                return mark
            # $1,299 is a thousand; 1.299 alone may be either.
            return "." if mark == "," else None
    return "." if not any("," in n for n in numbers) else None
