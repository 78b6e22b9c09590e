"""The text that the tower reads for an item, made from its columns by a template."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from longtail.retrieval.data.languages.scripts import UNSPACED_LETTER, WORD_CHARACTER
from longtail.retrieval.errors import DataError

# Towers read some hundred characters; what lies beyond costs memory and is never read.
MAX_CHARACTERS = 2_000

_LEADING_ROLES = ("title", "brand", "categories", "description")
_NOT_TEXT = re.compile(
    r"(^|[_\W])(ids?|asin|sku|isbn|ean|upc|gtin|uuid|code|hash|urls?|uri|links?|href|images?|img|"
    r"photos?|pictures?|thumbnails?|videos?|dates?|time|timestamp|added|created|updated|year|"
    r"prices?|currency|cost|rank|rating|stock|status|lang|language|split|related|details)($|[_\W])"
)
# The same in scripts that part no words with blanks, and in German.
_NOT_TEXT_IN_OTHER_LANGUAGES = re.compile(
    r"价|價|金额|金額|库存|庫存|销量|图|圖|链接|連結|网址|编号|编码|条码|货号|日期|时间|時間|状态|评分|"
    r"値段|画像|在庫|日時|日付|番号|品番|コード|リンク|"
    r"가격|금액|이미지|사진|재고|날짜|일시|시간|번호|코드|상태|링크|"
    r"preis|bild|lager(bestand|ort)|bestand|datum|nummer|menge|anzahl|verfügbar"
)
_URL = re.compile(r"^\s*(https?://|www\.|/?[\w./-]+\.(jpe?g|png|gif|webp)$)", re.IGNORECASE)
_DATE = re.compile(r"^\s*\d{4}-\d{2}(-\d{2}|$)|^\s*\d{1,2}/\d{1,2}/\d{2,4}")
# Two letters, or one that is a word by itself.
_LETTERS = re.compile(rf"[^\W\d_]{{2}}|^\s*{WORD_CHARACTER.pattern}\s*$")
_CLOSING = re.compile(r"^[)\]}\"'»”]+")
_SAMPLE = 1_000


@dataclass(frozen=True)
class _Piece:
    before: str
    column: str
    after: str


def resolve_template(template: str, frame: pd.DataFrame) -> str:
    """Return the template with ``auto`` spelt out: title, brand, categories, description, more.

    ``auto`` goes on with the other columns of free text in their order: no ids, addresses,
    dates, prices or other numbers.

    Raises:
        DataError: the template names no column, or one that isn't there.
    """
    if template == "auto":
        first = [name for name in _LEADING_ROLES if name in frame and _has_text(frame[name])]
        more = [
            str(name)
            for name in frame.columns
            if name not in ("item_id", *_LEADING_ROLES) and is_free_text(str(name), frame[name])
        ]
        return ". ".join(f"{{{name}}}" for name in [*first, *more] or ["title"])
    pieces = _parse(template)
    if not pieces:
        raise DataError(
            f"text template {template!r} names no column; write it like {{title}}. {{categories}}"
        )
    for piece in pieces:
        if piece.column not in frame.columns:
            raise DataError(
                f"text template {template!r}: there is no column {piece.column!r}; "
                f"the catalog has: {', '.join(map(str, frame.columns))}"
            )
    return template


def render(template: str, frame: pd.DataFrame) -> list[str]:
    """Return one text an item: blanks collapsed, cut at `MAX_CHARACTERS`.

    An empty field disappears together with the separator before it.

    >>> frame = pd.DataFrame({"title": ["Wok", "Pan."], "brand": ["", "Oro"], "use": ["fry", ""]})
    >>> render("{title} ({brand}). {use}", frame)
    ['Wok. fry', 'Pan. (Oro)']
    """
    pieces = _parse(template)
    columns = [_column_texts(frame, piece.column) for piece in pieces]
    return [_join(pieces, values) for values in zip(*columns, strict=True)]


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
        elif text and text[-1] in ".!?" and before[:1] == ".":
            before = before[1:]
        text += before + value + piece.after
    return " ".join(text[: 4 * MAX_CHARACTERS].split())[:MAX_CHARACTERS].rstrip()


def _parse(template: str) -> list[_Piece]:
    """Return the template's fields with the literals around them."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise DataError(
            f"text template {template!r}: {error}; write columns like {{title}}"
        ) from error
    pieces: list[_Piece] = []
    for literal, column, _, _ in parts:
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


def _column_texts(frame: pd.DataFrame, column: str) -> list[str]:
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return ["" if pd.isna(v) else f"{v:g}" if v % 1 else str(int(v)) for v in values]
    return ["" if pd.isna(v) else str(v)[: 4 * MAX_CHARACTERS].strip() for v in values]


def is_free_text(name: str, values: pd.Series[str]) -> bool:
    """Return whether a column holds words for people, by its name and a sample of its cells."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    named_so = _NOT_TEXT.search(spaced) or _NOT_TEXT_IN_OTHER_LANGUAGES.search(spaced)
    if named_so or not pd.api.types.is_string_dtype(values):
        return False
    cells = [str(v) for v in values.head(20 * _SAMPLE) if not pd.isna(v) and str(v).strip()]
    cells = cells[:_SAMPLE]
    if len(set(cells)) < 2:
        return False
    worded = [c for c in cells if _LETTERS.search(c) and not _URL.match(c) and not _DATE.match(c)]
    # A sentence of Chinese, Japanese or Thai has no blank either.
    codes = len(set(cells)) == len(cells) and not any(
        " " in c.strip() or UNSPACED_LETTER.search(c) for c in cells
    )
    objects = sum(c.startswith("{") for c in cells) * 2 > len(cells)
    return len(worded) * 2 > len(cells) and not codes and not objects


def _has_text(values: pd.Series[str]) -> bool:
    return any(str(v).strip() for v in values if not pd.isna(v))
