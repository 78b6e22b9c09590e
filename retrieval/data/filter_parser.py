"""Reading an attribute filter: ``brand in (OPI, Essie) and price<20`` becomes plain clauses."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from longtail.index.errors import Field
from longtail.retrieval.errors import QueryError

_SIGN = r"<=|>=|!=|=|<|>|~"
_CLAUSE = re.compile(
    rf"\s*(?P<column>.+?)(?:\s*(?P<sign>{_SIGN})\s*(?P<value>.*?)"
    r"|\s+(?P<word>(?:not\s+)?in)\s*\((?P<list>.*)\))\s*",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_JOINT = re.compile(r"\s*,\s*|\s+and\s+", re.IGNORECASE)


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
    of several words needs no quotes, one that would read as a condition does.

    Raises:
        QueryError: a part is no ``COLUMN OPERATOR VALUE``.

    >>> [c.values for c in read_clauses("brand=Salt and Co, price<20", ["brand", "price"])]
    [('Salt and Co',), ('20',)]
    >>> read_clauses("brand in (OPI, 'Salt, Co')", ["brand"])[0].values
    ('OPI', 'Salt, Co')
    """
    return [_read(part) for part in _parts(text, columns)]


def _parts(text: str, columns: Collection[str]) -> list[str]:
    known = "|".join(sorted(map(re.escape, columns), key=len, reverse=True))
    # A misspelt column must be told from a value's next word by the operator behind it.
    start = re.compile(
        rf"(?:{known or '(?!)'}|\w+|'[^']*'|\"[^\"]*\")\s*(?:{_SIGN}|\s(?:not\s+)?in\s*\()",
        re.IGNORECASE,
    )
    covered = _covered(text)
    parts, begin = [], 0
    for joint in _JOINT.finditer(text):
        if not covered[joint.start()] and start.match(text, joint.end()):
            parts.append(text[begin : joint.start()])
            begin = joint.end()
    return [*parts, text[begin:]]


def _covered(text: str) -> list[bool]:
    """Return which characters stand inside quotes, or inside the brackets of a list."""
    covered = [False] * (len(text) + 1)
    for quoted in _QUOTED.finditer(text):
        # An apostrophe in a word opens no quotes.
        if quoted.start() == 0 or text[quoted.start() - 1] in " \t=<>~(,!":
            covered[quoted.start() : quoted.end()] = [True] * len(quoted.group())
    for opening in re.finditer(r"\bin\s*\(", text, re.IGNORECASE):
        for place in range(opening.end(), len(text)):
            if text[place] == ")" and not covered[place]:
                break
            covered[place] = True
    return covered


def _read(text: str) -> Clause:
    match = _CLAUSE.fullmatch(text)
    if match is None:
        raise QueryError(
            Field("where"),
            f" {text!r} is not COLUMN OPERATOR VALUE with one of = != < <= > >= ~, or "
            "COLUMN in (VALUE, ...)",
        )
    column = _unquoted(match["column"])
    if match["word"] is not None:
        operator = " ".join(match["word"].lower().split())
        return Clause(text, column, operator, tuple(_listed(match["list"], ",")))
    value, sign = match["value"], match["sign"]
    if sign in ("=", "!="):
        return Clause(text, column, sign, tuple(_listed(value, "|")))
    return Clause(text, column, sign, (_unquoted(value),))


def _listed(text: str, separator: str) -> list[str]:
    """Return the values of a list, quotes taken off; a separator inside quotes parts nothing."""
    values, begin = [], 0
    covered = [False] * len(text)
    for quoted in _QUOTED.finditer(text):
        if not text[begin : quoted.start()].split(separator)[-1].strip():
            covered[quoted.start() : quoted.end()] = [True] * len(quoted.group())
    for place, character in enumerate(text):
        if character == separator and not covered[place]:
            values.append(text[begin:place])
            begin = place + 1
    return [_unquoted(value) for value in [*values, text[begin:]]]


def _unquoted(text: str) -> str:
    stripped = text.strip()
    whole = _QUOTED.fullmatch(stripped)
    return stripped[1:-1] if whole and len(stripped) > 1 else stripped
