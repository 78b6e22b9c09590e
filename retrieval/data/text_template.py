"""The text that the tower reads for an item, made from its columns by a template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from longtail.retrieval.data.item_text.cell_words import cell_words, is_nothing
from longtail.retrieval.data.item_text.free_text import text_columns
from longtail.retrieval.errors import DataError

# Towers read some hundred characters; what lies beyond costs memory and is never read.
MAX_CHARACTERS = 2_000
# Of a cell, blanks and markup included.
_MOST_READ = 4 * MAX_CHARACTERS

_FIELD = re.compile(
    r'\{(?:(?P<quoted>"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")|(?P<plain>[^{}]*))\}'
)
_CLOSING = re.compile(r"^[)\]}\"'»”]+")


@dataclass(frozen=True)
class _Piece:
    before: str
    column: str
    after: str


def resolve_template(
    template: str, frame: pd.DataFrame, own_names: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the template with ``auto`` spelt out: title, brand, categories, description, more.

    ``auto`` goes on with the other columns of free text in their order (`text_columns`).
    ``own_names`` are a file's names of columns that carry ours in the frame: both will do.

    Raises:
        DataError: the template names no column, or one that isn't there.
    """
    if template == "auto":
        return ". ".join(map(as_field, text_columns(frame)))
    pieces = _parse(template)
    if not pieces:
        raise DataError(
            f"text template {template!r} names no column; write it like {{title}}. {{categories}}"
        )
    for piece in pieces:
        if piece.column in frame.columns:
            continue
        if piece.column not in own_names:
            raise DataError(
                f"text template {template!r}: there is no column {piece.column!r}; "
                f"the catalog has: {', '.join(map(str, frame.columns))}"
            )
        for written in (as_field(piece.column), f"{{{json.dumps(piece.column)}}}"):
            template = template.replace(written, as_field(own_names[piece.column]))
    return template


def as_field(column: str) -> str:
    """Return how a template names a column: quoted where its name holds braces or quotes.

    >>> as_field("Meta: size"), as_field("a{b}")
    ('{Meta: size}', '{"a{b}"}')
    """
    plain = column and column == column.strip() and not set(column) & set('{}"')
    return f"{{{column}}}" if plain else f"{{{json.dumps(column, ensure_ascii=False)}}}"


def render(template: str, frame: pd.DataFrame) -> list[str]:
    """Return one text an item: the words of its cells (`cell_words`), blanks collapsed, cut at
    `MAX_CHARACTERS`.

    What is nothing but markup stays, for there is an item that says so. An empty field disappears
    together with the separator before it.

    >>> frame = pd.DataFrame({"title": ["Wok", "Pan."], "brand": ["", "Oro"], "use": ["fry", ""]})
    >>> render("{title} ({brand}). {use}", frame)
    ['Wok. fry', 'Pan. (Oro)']
    """
    pieces = _parse(template)
    columns = [_column_texts(frame, piece.column) for piece in pieces]
    texts = [_join(pieces, values) for values in zip(*columns, strict=True)]
    if wordless := [row for row, text in enumerate(texts) if not text]:
        few = frame.iloc[wordless]
        raw = [_column_texts(few, piece.column, as_it_is=True) for piece in pieces]
        for row, values in zip(wordless, zip(*raw, strict=True), strict=True):
            texts[row] = _join(pieces, values)
    return texts


def template_columns(template: str) -> list[str]:
    """Return the columns that a template names, in its order.

    >>> template_columns("{title} ({brand})")
    ['title', 'brand']
    """
    return [piece.column for piece in _parse(template)]


def _join(pieces: Sequence[_Piece], values: Sequence[str]) -> str:
    text = ""
    for piece, value in zip(pieces, values, strict=True):
        if not value:
            continue
        before = piece.before
        if not text and piece is not pieces[0]:
            before = before.lstrip(" .,;|:/>\n\t-–—")
        elif text and text[-1] in ".!?。！？" and before[:1] == ".":
            before = before[1:]
        text += before + value + piece.after
    return " ".join(text[:_MOST_READ].split())[:MAX_CHARACTERS].rstrip()


def _parse(template: str) -> list[_Piece]:
    """Return the template's fields with the literals around them."""
    pieces: list[_Piece] = []
    for literal, column in _parts(template):
        # A bracket that closes goes with the field it encloses.
        closing = _CLOSING.match(literal) if pieces else None
        after = closing.group() if closing else ""
        if column is None and pieces:
            after = literal  # what ends the template
        if pieces and after:
            pieces[-1] = _Piece(pieces[-1].before, pieces[-1].column, after)
        if column is not None:
            pieces.append(_Piece(literal[len(after) :], column, ""))
    return pieces


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield each literal with the column behind it, None behind the last.

    A column's name is whatever stands in the braces: colons and the like are part of it, since
    headers have them. ``{{`` and ``}}`` are braces of the literal.
    """
    at, literal = 0, ""
    while at < len(template):
        pair = template[at : at + 2]
        if pair in ("{{", "}}"):
            literal, at = literal + pair[0], at + 2
        elif pair[0] == "}":
            raise _malformed(template, "a } closes nothing")
        elif pair[0] == "{":
            field = _FIELD.match(template, at)
            if field is None or not field[0][1:-1].strip():
                raise _malformed(template, "a { isn't closed" if field is None else "{} is empty")
            quoted = field["quoted"]
            yield literal, field["plain"] if quoted is None else json.loads(quoted)
            literal, at = "", field.end()
        else:
            literal, at = literal + pair[0], at + 1
    yield literal, None


def _malformed(template: str, why: str) -> DataError:
    return DataError(f"text template {template!r}: {why}; write columns like {{title}}")


def _column_texts(frame: pd.DataFrame, column: str, *, as_it_is: bool = False) -> list[str]:
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return ["" if pd.isna(v) else f"{v:g}" if v % 1 else str(int(v)) for v in values]
    texts = ["" if pd.isna(v) else str(v)[:_MOST_READ] for v in values]
    if as_it_is:
        return ["" if is_nothing(text) else text.strip() for text in texts]
    return [cell_words(text).strip() for text in texts]
