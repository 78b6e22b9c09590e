"""Texts stuffed with the words of many kinds of items, to be near to everybody's wishes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import pandas as pd

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.suspects.finding import MANY_KINDS, Finding
from longtail.retrieval.data.suspects.item_words import words_of

# Chosen on real catalogs, see docs/suspects.md. A kind is the first levels of a category; a word
# is a kind's where that holds most of the items that say it.
LEVELS = 3
LEAST_ITEMS, OWNED = 8, 0.5
FOREIGN_KINDS = 7
# Of fewer kinds, none is foreign to the others.
FEWEST_KINDS = 8
_STEP = re.compile(r"\s*[>|/;,»]\s*")
_SHORTEST = 3


class WordKinds:
    """Which kind of items the words of a catalog belong to; none without a column of categories."""

    def __init__(self, catalog: Catalog) -> None:
        """Read the catalog's texts and categories."""
        said: dict[str, Counter[str]] = defaultdict(Counter)
        frame = catalog.frame
        if "categories" in frame:
            texts = catalog.texts()
            for text, kind in zip(texts, map(_kind, frame["categories"]), strict=True):
                for word in _content(text):
                    said[word][kind] += 1
        self._kind_of: dict[str, str] = {}
        for word, kinds in said.items():
            kind, times = kinds.most_common(1)[0]
            if kinds.total() >= LEAST_ITEMS and times >= OWNED * kinds.total() and kind:
                self._kind_of[word] = kind
        self._enough = len(set(self._kind_of.values())) >= FEWEST_KINDS

    def findings(self, items: pd.DataFrame, texts: Iterable[str]) -> Iterator[Finding]:
        """Yield the items whose texts hold words of many other kinds than their own."""
        if not self._enough or "categories" not in items:
            return
        lines = zip(items["item_id"], items["categories"], texts, strict=True)
        for item_id, category, text in lines:
            own = _kind(category)
            kinds = {w: self._kind_of[w] for w in _content(text) if w in self._kind_of}
            foreign = {kind: word for word, kind in sorted(kinds.items()) if kind != own}
            at_home = sum(kind == own for kind in kinds.values())
            if len(foreign) >= max(FOREIGN_KINDS, at_home):
                shown = ", ".join(f"{w!r} ({k})" for k, w in sorted(foreign.items())[:3])
                detail = f"it holds words of {len(foreign)} other kinds of items: {shown}"
                yield Finding(str(item_id), MANY_KINDS, detail)


def _content(text: str) -> set[str]:
    return {w for w in words_of(text) if len(w) >= _SHORTEST and not w.isdigit()}


def _kind(category: object) -> str:
    """Return the first levels of a category.

    >>> _kind("Home > Kitchen > Pans > Woks"), _kind(None)
    ('Home > Kitchen > Pans', '')
    """
    if not isinstance(category, str):
        return ""
    return " > ".join(_STEP.split(category.strip())[:LEVELS])
