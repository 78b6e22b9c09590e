"""Reading an attribute filter: ``brand in (OPI, Essie) and price<20`` becomes plain clauses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from longtail.index.errors import Field
from longtail.retrieval.errors import QueryError

_SIGN = r"<=|>=|!=|=|<|>|~"
_QUOTED = r"'[^']*'|\"[^\"]*\""
# No two of these begin alike, so a text is read once, whatever stands in it. An apostrophe
# within a word opens no quotes.
_TOKEN = re.compile(
    rf"\s+|{_SIGN}|{_QUOTED}|[^\s<>=!~,()'\"][^\s<>=!~,()]*|.",
    re.DOTALL,
)
_SIGNS = frozenset(_SIGN.split("|"))
_SPACE = re.compile(r"\s*+")
_WHOLE_QUOTED = re.compile(_QUOTED)
# Catalogs whose columns' names are kept ready for reading.
_KEPT = 16
# Filters whose conditions have been counted.
_TEXTS_KEPT = 1_024


@dataclass(frozen=True)
class Clause:
    """One condition.

    Attributes:
        text: as it was written, for messages.
        column: the catalog's column.
        operator: one of = != < <= > >= ~, in, not in.
        values: what is compared with; more than one only for ``=``, ``!=``, ``in``, ``not in``.
    """

    text: str
    column: str
    operator: str
    values: tuple[str, ...]


def read_clauses(text: str, columns: Collection[str]) -> list[Clause]:
    """Return the conditions of a filter, all of which must hold.

    Conditions are joined by ``and`` or a comma. Both also occur in values, so they part two
    conditions only where a column and an operator follow, outside brackets and quotes: a value
    of several words needs no quotes, one that would read as a condition does. The time grows
    with the length of the text, whatever it holds.

    Raises:
        QueryError: a part is no ``COLUMN OPERATOR VALUE``.

    >>> [c.values for c in read_clauses("brand=Salt and Co, price<20", ["brand", "price"])]
    [('Salt and Co',), ('20',)]
    >>> read_clauses("brand in (OPI, 'Salt, Co')", ["brand"])[0].values
    ('OPI', 'Salt, Co')
    """
    if not text.isascii() and text.encode(errors="replace").decode() != text:
        raise QueryError(Field("where"), " holds characters that are no text")
    return [_read(part) for part in _parts(text, tuple(columns))]


@lru_cache(_TEXTS_KEPT)
def most_clauses(text: str) -> int:
    """Return how many conditions a filter can hold at most: its operators outside quotes.

    It needs no columns, and is exact but for values that hold operators themselves.

    >>> most_clauses("brand in (OPI, 'a=b') and price<20")
    2
    """
    tokens = _Tokens.of(text)
    return sum(
        word in _SIGNS or (word == "(" and tokens.word(tokens.before(place)) == "in")
        for place, word in enumerate(tokens.words)
    )


@dataclass(frozen=True)
class _Tokens:
    """A text in pieces: blanks, signs, quoted texts, words, single characters.

    Attributes:
        words: the pieces.
        starts: where each begins, and the text's length.
    """

    words: list[str]
    starts: list[int]

    @classmethod
    def of(cls, text: str) -> _Tokens:
        words = _TOKEN.findall(text)
        return cls(words, [*accumulate(map(len, words), initial=0)])

    def before(self, place: int) -> int:
        """Return the place of the piece before this one, blanks left out; -1 for none."""
        place -= 1
        return place - 1 if place >= 0 and self.words[place].isspace() else place

    def after(self, place: int) -> int:
        """Return where the text goes on after this piece and blanks."""
        place += 1
        blank = place < len(self.words) and self.words[place].isspace()
        return self.starts[place + blank]

    def word(self, place: int) -> str:
        """Return a piece in lower case, empty for none."""
        return self.words[place].lower() if place >= 0 else ""

    def stands_alone(self, place: int) -> bool:
        """Return whether there are blanks on both sides of a piece."""
        around = self.words[place - 1 : place + 2] if place else []
        return len(around) == 3 and around[0].isspace() and around[2].isspace()


def _parts(text: str, columns: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts of the conditions."""
    start, tokens = _condition_start(columns), _Tokens.of(text)
    begin, in_list = 0, False
    for place, word in enumerate(tokens.words):
        if in_list:
            in_list = word != ")"
        elif word == "(":
            in_list = tokens.word(tokens.before(place)) == "in"
        elif word == "," or (word.lower() == "and" and tokens.stands_alone(place)):
            after = tokens.after(place)
            if start.match(text, after):
                yield text[begin : tokens.starts[place]].rstrip()
                begin = after
    yield text[begin:]


@lru_cache(_KEPT)
def _condition_start(columns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what a condition begins with: one of the columns, a word or quotes; an operator.

    A misspelt column must be told from a value's next word by the operator behind it.
    """
    known = "|".join(sorted(map(re.escape, columns), key=len, reverse=True))
    return re.compile(
        rf"(?:{known or '(?!)'}|\w++|{_QUOTED})\s*+(?:{_SIGN}|(?<=\s)(?:not\s++)?in\s*+\()",
        re.IGNORECASE,
    )


def _read(text: str) -> Clause:
    tokens, whole = _Tokens.of(text), text.rstrip()
    is_list = whole.endswith(")")
    for place, word in enumerate(tokens.words):
        at = tokens.starts[place]
        if word in _SIGNS and tokens.before(place) >= 0:
            value = text[at + len(word) :]
            several = word in ("=", "!=")
            values = tuple(_listed(value, "|")) if several else (_unquoted(value.strip()),)
            return Clause(text, _unquoted(text[:at].strip()), word, values)
        if word == "(" and is_list and (operator := _list_operator(tokens, place)):
            column = text[: tokens.starts[operator[1]]].strip()
            values = tuple(_listed(whole[at + 1 : -1], ","))
            return Clause(text, _unquoted(column), operator[0], values)
    raise QueryError(
        Field("where"),
        f" {text!r} is not COLUMN OPERATOR VALUE with one of = != < <= > >= ~, or "
        "COLUMN in (VALUE, ...)",
    )


def _list_operator(tokens: _Tokens, place: int) -> tuple[str, int] | None:
    """Return the ``in`` or ``not in`` between a column and this bracket and its place, if any."""
    word = tokens.before(place)
    column = tokens.before(word)
    if tokens.word(word) != "in" or column < 0 or column == word - 1:
        return None
    if tokens.word(column) == "not" and tokens.before(column) >= 0:
        return "not in", column
    return "in", word


def _listed(text: str, separator: str) -> Iterator[str]:
    """Yield the values of a list, quotes taken off; a separator inside quotes parts nothing."""
    begin = 0
    while True:
        # Only quotes that a value begins with can hide a separator.
        first = _SPACE.match(text, begin).end()  # type: ignore[union-attr]
        quotes = text[first : first + 1]
        closing = text.find(quotes, first + 1) if quotes in ("'", '"') else -1
        end = text.find(separator, max(closing, begin))
        yield _unquoted(text[begin : end if end >= 0 else None].strip())
        if end < 0:
            return
        begin = end + 1


def _unquoted(text: str) -> str:
    return text[1:-1] if _WHOLE_QUOTED.fullmatch(text) else text
