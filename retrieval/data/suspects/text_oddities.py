"""What in a text no reader sees or asked for: hidden characters, markup, words over and over."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from longtail.retrieval.data.suspects.finding import INVISIBLE, MARKUP, REPEATED, Finding
from longtail.retrieval.data.suspects.item_words import words_of

# Chosen on real catalogs, see docs/suspects.md: one word this often, and this share of all words.
REPEATS, REPEATED_SHARE = 8, 0.2
# Shorter words, and numbers, are repeated by honest lists of sizes and parts.
_SHORTEST = 3
_TAG = re.compile(
    r"</?(?:a|b|big|br|center|div|em|font|form|h[1-6]|hr|i|iframe|img|input|li|link|meta|object|"
    r"ol|p|script|small|span|strong|style|sub|sup|svg|table|td|th|tr|u|ul|video)"
    r"(?:\s+[\w:-]+\s*=[^<>]*)?\s*/?>|<!--",
    re.IGNORECASE,
)
# Joiners have work to do between the letters of some scripts and within emoji.
_JOINERS = "\u200c\u200d"
# Said by honest texts: the soft hyphen, marks of the direction of reading, and the dashes, quotes
# and dots of Windows where they were read as Latin-1.
_HONEST = "\u00ad\u200e\u200f\u061c\x85\x91\x92\x93\x94\x95\x96\x97\x99"
_NAMES = {"\ufeff": "ZERO WIDTH NO-BREAK SPACE"}


def text_oddities(items: pd.DataFrame, texts: list[str]) -> Iterator[Finding]:
    """Yield what is odd in the columns of items and in their ``texts``, one a line."""
    columns = [items[name] for name in _text_columns(items)]
    for item_id, text, *cells in zip(items["item_id"], texts, *columns, strict=True):
        seen = " ".join(cell for cell in cells if isinstance(cell, str))
        if hidden := invisible_characters(seen):
            yield Finding(str(item_id), INVISIBLE, f"its columns hold {hidden}")
        if tag := _TAG.search(seen):
            yield Finding(str(item_id), MARKUP, f"its columns hold {_shortened(tag.group())}")
        if repeated := repeated_word(text):
            word, times, words = repeated
            detail = f"{word!r} is {times} of the {words} words of its text"
            yield Finding(str(item_id), REPEATED, detail)


def invisible_characters(text: str) -> str:
    """Return which characters of a text can't be seen, and how many; empty where all can.

    Joiners beside other scripts than Latin, soft hyphens and direction marks are honest.

    >>> invisible_characters("pa\\u200bn"), invisible_characters("two\\nlines")
    ('1 ZERO WIDTH SPACE', '')
    """
    # Tabs and line ends are seen, as blanks.
    if (text.isascii() and text.isprintable()) or not (found := Counter(_invisible(text))):
        return ""
    return ", ".join(f"{n} {name}" for name, n in found.most_common(3))


def repeated_word(text: str) -> tuple[str, int, int] | None:
    """Return the word that a text says over and over, how often, and of how many; None mostly.

    >>> repeated_word("tea " * 9 + "pot")
    ('tea', 9, 10)
    """
    words = words_of(text)
    counted = Counter(w for w in words if len(w) >= _SHORTEST and not w.isdigit())
    if not counted:
        return None
    word, times = counted.most_common(1)[0]
    over = times >= REPEATS and times >= REPEATED_SHARE * len(words)
    return (word, times, len(words)) if over else None


def _text_columns(items: pd.DataFrame) -> list[str]:
    kinds = pd.api.types
    return [
        str(name)
        for name, cells in items.items()
        if kinds.is_string_dtype(cells.dtype) or cells.dtype == object
    ]


def _invisible(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        kind = unicodedata.category(character)
        if kind not in ("Cc", "Cf") or character in _HONEST or character in "\t\n\r":
            continue
        if character in _JOINERS and not _between_latin(text, place):
            continue
        name = _NAMES.get(character) or unicodedata.name(character, "")
        yield name or f"control character {ord(character):#04x}"


def _between_latin(text: str, place: int) -> bool:
    beside = text[max(place - 1, 0) : place] + text[place + 1 : place + 2]
    return all("LATIN" in unicodedata.name(letter, "LATIN") for letter in beside)


def _shortened(text: str) -> str:
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= 40 else f"{text[:39]}…"
