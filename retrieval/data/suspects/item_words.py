"""The words of items' texts, and how much each tells of its item."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import pandas as pd

from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.text_template import render

# Columns that say who is behind an item, the first that a catalog has; names as `plain_name`.
MAKER_COLUMNS = (
    *("brand", "manufacturer", "maker", "artist", "author", "publisher", "developer", "studio"),
    *("label", "designer", "seller", "vendor", "merchant", "shop", "store"),
)

Words = frozenset[str]
# How many items say each word, by the kind of item.
WordCounts = Mapping[str, Counter[str]]
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Return the words of a text, in its order: one case, one spelling, nothing invisible.

    >>> words_of("Ｃafé\\u200b-Pan, 2 l")
    ['café', 'pan', '2', 'l']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return _WORD.findall(text.lower())


def count_words(texts: Iterable[str], kinds: Iterable[str]) -> WordCounts:
    """Return how many of these texts of items say each word, by the kinds of the items.

    >>> count_words(["tea tin", "tea"], ["tea", "tea"])["tea"].most_common()
    [('tea', 2), ('tin', 1)]
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for text, kind in zip(texts, kinds, strict=True):
        counts[kind].update(set(words_of(text)))
    return dict(counts)


@dataclass(frozen=True)
class ItemWords:
    """What one item says.

    Attributes:
        title: the words of its title.
        whole: those and the words of its text as the tower reads it.
        first: the first word of its title, empty without one.
        maker: the words of who is behind it, empty where the catalog doesn't say.
        unsigned_title: the title's words without the maker's.
        unsigned: all its words without the maker's.
    """

    title: Words
    whole: Words
    first: str
    maker: Words
    unsigned_title: Words
    unsigned: Words


def maker_column(frame: pd.DataFrame) -> str | None:
    """Return the column that says who is behind an item, None without one."""
    named = {plain_name(str(name)): str(name) for name in reversed(frame.columns)}
    return next((named[name] for name in MAKER_COLUMNS if name in named), None)


def item_words(frame: pd.DataFrame, template: str, maker: str | None) -> Iterator[ItemWords]:
    """Yield what each line of a catalog's frame says; ``maker`` is its column of makers."""
    nobody: Sequence[Any] = [""] * len(frame)
    makers = frame.get(maker, nobody)
    titles = frame.get("title", nobody)
    for title, text, cell in zip(titles, render(template, frame), makers, strict=True):
        in_title = words_of("" if pd.isna(title) else str(title))
        whole = frozenset(words_of(text)).union(in_title)
        signed = frozenset(words_of("" if pd.isna(cell) else str(cell)))
        yield ItemWords(
            title=frozenset(in_title),
            whole=whole,
            first=in_title[0] if in_title else "",
            maker=signed,
            unsigned_title=frozenset(in_title) - signed,
            unsigned=whole - signed,
        )


class WordWeights(dict[str, float]):
    """How much words tell: the log of how few items say them; 0 for what all say."""

    def __init__(self, counts: WordCounts, n_items: int) -> None:
        said_by: Counter[str] = Counter()
        for said in counts.values():
            said_by.update(said)
        n = n_items + 1
        super().__init__({word: log(n / (1 + times)) for word, times in said_by.items()})
        self._of_unknown = log(n)

    def __missing__(self, word: str) -> float:
        return self._of_unknown

    def total(self, words: Iterable[str]) -> float:
        """Return the weight of some words together."""
        return sum(self[word] for word in words)

    def overlap(self, one: Words, other: Words) -> float:
        """Return the weight of the words that both say, of that of all their words, 0 to 1."""
        every = self.total(one | other)
        return self.total(one & other) / every if every > 0 else 0.0
