"""Texts stuffed with the words of many kinds of items, to be near to everybody's wishes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pandas as pd

from longtail.retrieval.data.suspects.finding import MANY_KINDS, Finding
from longtail.retrieval.data.suspects.item_words import WordCounts, words_of

# Chosen on real catalogs, see docs/suspects.md. A kind is the first levels of a category; a word
# is a kind's where that holds most of the items that say it.
LEVELS = 3
LEAST_ITEMS, OWNED = 8, 0.5
FOREIGN_KINDS = 7
# Of fewer kinds, none is foreign to the others.
FEWEST_KINDS = 8
_STEP = re.compile(r"\s*[>|/;,»]\s*")
_SHORTEST = 3


def kinds_of(frame: pd.DataFrame) -> list[str]:
    """Return the kind of each item, empty where it has none or the catalog has no categories."""
    if "categories" not in frame:
        return [""] * len(frame)
    return [_kind(category) for category in frame["categories"]]


class WordKinds:
    """Which kind of items the words of a catalog belong to; none without a column of categories."""

    def __init__(self, counts: WordCounts) -> None:
        """Take how many items say each word, by the kinds that `kinds_of` gives."""
        times: Counter[str] = Counter()
        most: dict[str, tuple[int, str]] = {}
        for kind, said in counts.items():
            times.update(said)
            for word, n in said.items():
                if kind and n > most.get(word, (0, ""))[0]:
                    most[word] = (n, kind)
        self._kind_of = {
            word: kind
            for word, (n, kind) in most.items()
            if times[word] >= LEAST_ITEMS and n >= OWNED * times[word] and _tells(word)
        }
        self._enough = len(set(self._kind_of.values())) >= FEWEST_KINDS

    def findings(self, items: pd.DataFrame, texts: Iterable[str]) -> Iterator[Finding]:
        """Yield the items whose texts hold words of many other kinds than their own."""
        if not self._enough or "categories" not in items:
            return
        lines = zip(items["item_id"], kinds_of(items), texts, strict=True)
        for item_id, own, text in lines:
            kinds = {w: self._kind_of[w] for w in words_of(text) if w in self._kind_of}
            foreign = {kind: word for word, kind in sorted(kinds.items()) if kind != own}
            at_home = sum(kind == own for kind in kinds.values())
            if len(foreign) >= max(FOREIGN_KINDS, at_home):
                shown = ", ".join(f"{w!r} ({k})" for k, w in sorted(foreign.items())[:3])
                detail = f"it holds words of {len(foreign)} other kinds of items: {shown}"
                yield Finding(str(item_id), MANY_KINDS, detail)


def _tells(word: str) -> bool:
    return len(word) >= _SHORTEST and not word.isdigit()


def _kind(category: object) -> str:
    """Return the first levels of a category.

    >>> _kind("Home > Kitchen > Pans > Woks"), _kind(None)
    ('Home > Kitchen > Pans', '')
    """
    if not isinstance(category, str):
        return ""
    return " > ".join(_STEP.split(category.strip())[:LEVELS])
