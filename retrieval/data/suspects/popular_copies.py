"""Texts copied from popular items by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.suspects.finding import COPY, Finding
from longtail.retrieval.data.suspects.item_words import (
    ItemWords,
    WordWeights,
    item_words,
    maker_column,
)
from longtail.retrieval.data.suspects.rare_words import RareWords

# Chosen on real catalogs with made-up copies in them, see docs/suspects.md.
OVERLAP = 0.65
# Where no maker is named: of titles that begin with other words, and of those that begin alike,
# as editions of one thing do.
OVERLAP_OTHER_WORD, OVERLAP_SAME_WORD = 0.75, 0.97
# Of the vectors, where there are any: what the tower reads as another thing wins no lists.
COSINE = 0.3
_AT_ONCE = 2_048


@dataclass(frozen=True)
class Copy:
    """A line that is like a popular item: the line, that item's id, and how much they overlap."""

    line: int
    like: str
    overlap: float


class PopularTexts:
    """The texts of popular items, by which copies of them are found."""

    def __init__(self, catalog: Catalog, popular: NDArray[np.bool_]) -> None:
        """Read the catalog's texts; ``popular`` bool [n]."""
        self._template = catalog.template
        self._maker = maker_column(catalog.frame)
        self._ids = [str(item_id) for item_id in catalog.item_ids[popular]]
        self._popular: list[ItemWords] = []
        self._weights = WordWeights(self._read(catalog, popular))
        self._titles = RareWords([i.title for i in self._popular], self._weights, OVERLAP)
        self._texts = RareWords([i.whole for i in self._popular], self._weights, OVERLAP)

    def _read(self, catalog: Catalog, popular: NDArray[np.bool_]) -> Iterator[ItemWords]:
        lines = item_words(catalog.frame, self._template, self._maker)
        for item, is_popular in zip(lines, popular, strict=True):
            if is_popular:
                self._popular.append(item)
            yield item

    def copies(self, items: pd.DataFrame) -> list[Copy]:
        """Return which lines are like a popular item of another maker, the most alike each.

        ``items`` have the catalog's columns. What is popular itself is nobody's copy.
        """
        lines = list(item_words(items, self._template, self._maker))
        popular = set(self._ids)
        honest = [str(item_id) in popular for item_id in items["item_id"]]
        best: dict[int, Copy] = {}
        for start in range(0, len(lines), _AT_ONCE):
            block = lines[start : start + _AT_ONCE]
            # Of two overlaps whose mean is high enough, one is.
            near = self._titles.near([item.title for item in block])
            near |= self._texts.near([item.whole for item in block])
            for place, at in sorted(near):
                line = start + place
                if honest[line]:
                    continue
                same = self._suspicious_overlap(block[place], self._popular[at])
                if same > (best[line].overlap if line in best else 0.0):
                    best[line] = Copy(line, self._ids[at], same)
        return [best[line] for line in sorted(best)]

    def finding(self, items: pd.DataFrame, copy: Copy) -> Finding:
        """Return a copy in words."""
        other = ", by another maker" if self._maker else ""
        return Finding(
            str(items["item_id"].iloc[copy.line]),
            COPY,
            f"its text overlaps by {copy.overlap:.0%} with that of {copy.like}, which is popular"
            f"{other}",
            copy.like,
        )

    def _suspicious_overlap(self, item: ItemWords, popular: ItemWords) -> float:
        """Return how much titles and texts overlap in the mean; 0 where that is honest."""
        if item.maker and popular.maker:
            if item.maker == popular.maker:
                return 0.0
            least = OVERLAP
        else:
            least = OVERLAP_SAME_WORD if item.first == popular.first else OVERLAP_OTHER_WORD
        title = self._weights.overlap(item.title, popular.title)
        same = (title + self._weights.overlap(item.whole, popular.whole)) / 2
        return same if same >= least else 0.0
