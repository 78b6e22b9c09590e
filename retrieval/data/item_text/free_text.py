"""Which columns of a catalog hold words for people, and so make the text of an item."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

import pandas as pd

from longtail.retrieval.data.languages.scripts import UNSPACED_LETTER, WORD_CHARACTER

LEADING_ROLES = ("title", "brand", "categories", "description")
_NOT_TEXT = re.compile(
    r"(^|[_\W])(ids?|asins?|skus?|isbn|ean|upc|gtin|mpn|barcodes?|uuid|codes?|hash|handle|slug|"
    r"urls?|uri|links?|href|images?|img|photos?|pictures?|thumbnails?|videos?|dates?|time|"
    r"timestamp|added|created|updated|published|year|prices?|currency|cost|rank|position|rating|"
    r"stock|status|visibility|policy|inventory|fulfillment|taxable|units?|lang|language|split|"
    r"related|also|similar|upsells?|cross[_\W]?sells?|parent|details)($|[_\W])|^meta: *_"
)
# The same in scripts that part no words with blanks, and in German.
_NOT_TEXT_IN_OTHER_LANGUAGES = re.compile(
    r"价|價|金额|金額|库存|庫存|销量|图|圖|链接|連結|网址|编号|编码|条码|货号|日期|时间|時間|状态|评分|"
    r"値段|画像|在庫|日時|日付|番号|品番|コード|リンク|"
    r"가격|금액|이미지|사진|재고|날짜|일시|시간|번호|코드|상태|링크|"
    r"preis|bild|lager(bestand|ort)|bestand|datum|nummer|menge|anzahl|verfügbar"
)
_URL = re.compile(r"^\s*(https?://|www\.|//|/?[\w./-]+\.(jpe?g|png|gif|webp)$)", re.IGNORECASE)
_DATE = re.compile(r"^\s*\d{4}-\d{2}(-\d{2}|$)|^\s*\d{1,2}/\d{1,2}/\d{2,4}")
# Two letters, or one that is a word by itself.
_LETTERS = re.compile(rf"[^\W\d_]{{2}}|^\s*{WORD_CHARACTER.pattern}\s*$")
# JSON objects, and what PHP writes for arrays.
_OBJECT = re.compile(r"^\s*(\{|[aOs]:\d+:)")
_PARTS = re.compile(r"[,;|\s]+")
_WORDS = re.compile(r"\w+")
_VOWELS = re.compile(r"[aeiouy]", re.IGNORECASE)
# What shops' exports say to machines: flags, stock and its policy, states, kinds, units.
_MACHINE_WORDS = (
    "yes no true false y n t f on off enabled disabled none null n/a nan "
    "deny continue instock outofstock onbackorder backorder preorder available unavailable "
    "discontinued publish published draft private pending active inactive archived visible hidden "
    "catalog search notify simple variable variation grouped external virtual downloadable "
    "configurable taxable shipping shopify manual new used refurbished kg g lb oz cm mm ml"
)
_FOR_MACHINES = frozenset(_MACHINE_WORDS.split())
_MACHINE_PHRASES = frozenset(("in stock", "out of stock", "default title", "title", "pre order"))
# Cells looked at, and characters of each.
_SAMPLE, _CELL = 1_000, 500


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns whose words make an item's text: title, brand, categories, description,
    then others in their order.

    What isn't words stays out: ids of the catalog or of anything else, addresses, dates, prices
    and other numbers, flags and states, and columns that say nothing beyond those before them.
    """
    ids = frozenset(frame["item_id"])
    chosen: list[str] = []
    for name in LEADING_ROLES:
        if name in frame and (at := _worded_rows(frame[name])):
            titles = _cells(frame["title"], at) if "title" in chosen else None
            if titles is None or not _same(_cells(frame[name], at), titles):
                chosen.append(name)
    for label in frame.columns:
        name = str(label)
        if name in ("item_id", *LEADING_ROLES) or not is_free_text(name, frame[name]):
            continue
        at = _worded_rows(frame[name])
        cells = _cells(frame[name], at)
        if _mostly_ids(cells, ids):
            continue
        if not _adds_nothing(cells, [_cells(frame[before], at) for before in chosen]):
            chosen.append(name)
    return chosen or ["title"]


def is_free_text(name: str, values: pd.Series[Any]) -> bool:
    """Return whether a column holds words for people, by its name and a sample of its cells."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    named_so = _NOT_TEXT.search(spaced) or _NOT_TEXT_IN_OTHER_LANGUAGES.search(spaced)
    if named_so or not pd.api.types.is_string_dtype(values):
        return False
    cells = _cells(values, _worded_rows(values))
    if len(set(cells)) < 2:
        return False
    worded = [c for c in cells if _LETTERS.search(c) and not _URL.match(c) and not _DATE.match(c)]
    unique = len(set(cells)) == len(cells)
    # A sentence of Chinese, Japanese or Thai has no blank either.
    codes = unique and not any(" " in c or UNSPACED_LETTER.search(c) for c in cells)
    objects = sum(bool(_OBJECT.match(c)) for c in cells) * 2 > len(cells)
    return len(worded) * 2 > len(cells) and not (codes or objects or _for_machines(cells))


def _worded_rows(values: pd.Series[Any]) -> list[int]:
    """Return where the first cells stand that aren't blank."""
    filled = (at for at, v in enumerate(values) if not pd.isna(v) and str(v).strip())
    return list(islice(filled, _SAMPLE))


def _cells(values: pd.Series[Any], at: Sequence[int]) -> list[str]:
    return ["" if pd.isna(v) else str(v)[:_CELL].strip() for v in values.iloc[list(at)]]


def _for_machines(cells: Sequence[str]) -> bool:
    """Return whether nearly all cells are flags and states, or most of their words are codes."""
    told = [c.casefold() for c in cells]
    states = sum(
        c in _MACHINE_PHRASES or all(part in _FOR_MACHINES for part in _PARTS.split(c))
        for c in told
    )
    parts = [part for c in cells for part in _PARTS.split(c) if part]
    return states * 10 >= len(cells) * 9 or sum(map(_is_code, parts)) * 2 > len(parts)


def _is_code(word: str) -> bool:
    """Return whether a word is a code: letters among digits, or letters that nobody can say.

    >>> [_is_code(w) for w in ("B00Z1V5LKT", "3f2b9c1d-77aa", "XKCDQZ", "500ml", "A4", "Rhythm")]
    [True, True, True, False, False, False]
    """
    if not word.isascii() or len(word) < 5:
        return False
    letters = [c for c in word if c.isalpha()]
    digits = sum(c.isdigit() for c in word)
    if not digits:
        return word.isalpha() and word.isupper() and not _VOWELS.search(word)
    if not letters:
        return digits >= 5
    return digits >= 4 or (len(word) >= 6 and all(c.isupper() for c in letters))


def _mostly_ids(cells: Sequence[str], ids: Collection[str]) -> bool:
    """Return whether the cells are ids of the catalog, one or a list in each."""
    parts = [part for c in cells for part in (c, *re.split(r"\s*[,;|]\s*|\s+", c)) if part]
    whole = sum(c in ids for c in cells)
    return whole * 2 > len(cells) or sum(part in ids for part in parts) * 2 > len(parts)


def _same(cells: Sequence[str], titles: Sequence[str]) -> bool:
    """Return whether nearly all cells are the title again."""
    same = sum(_words(a) == _words(b) for a, b in zip(cells, titles, strict=True))
    return same * 10 > len(cells) * 9


def _adds_nothing(cells: Sequence[str], before: Sequence[Sequence[str]]) -> bool:
    """Return whether nearly all cells have no word that the columns before lack.

    Words that nearly all cells share, such as a shop's name, tell nothing either.
    """
    words = [_words(cell) for cell in cells]
    counts: dict[str, int] = {}
    for word in (word for found in words for word in found):
        counts[word] = counts.get(word, 0) + 1
    shared = {word for word, n in counts.items() if n * 10 > len(cells) * 9}
    known = [_words(" ".join(texts)) for texts in zip(*before, strict=True)]
    nothing = sum(found - shared <= told for found, told in zip(words, known, strict=True))
    return bool(known) and nothing * 10 > len(cells) * 9


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.casefold().replace("_", " ")))
