"""Texts copied from popular items by somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
# Where one maker's name took the place of the other's: without both, and least with them.
OVERLAP_UNSIGNED, OVERLAP_SIGNED = 0.9, 0.4
# Where no maker is named: of titles that begin with other words, and of those that begin alike,
# as editions of one thing do.
OVERLAP_OTHER_WORD, OVERLAP_SAME_WORD = 0.75, 0.97
_AT_ONCE = 2_048


@dataclass(frozen=True)
class Copy:
    """A line that is like a popular item: the line, that item's id, and how much they overlap."""

    line: int
    like: str
    overlap: float


class PopularTexts:
    """The texts of popular items, by which copies of them are found."""

    def __init__(self, catalog: Catalog, popular: NDArray[np.bool_], weights: WordWeights) -> None:
        """Read the texts of popular items, bool [n]; ``weights`` are those of all texts."""
        self._template = catalog.template
        self._maker = maker_column(catalog.frame)
        self._ids = [str(item_id) for item_id in catalog.item_ids[popular]]
        self._weights = weights
        self._popular = list(item_words(catalog.frame[popular], self._template, self._maker))
        makers = dict.fromkeys(item.maker for item in self._popular if item.maker)
        self._makers = {maker: code for code, maker in enumerate(makers)}
        self._maker_of = self._maker_codes(self._popular)
        # Of two overlaps whose mean is high enough, one is.
        least = {"title": OVERLAP, "whole": OVERLAP}
        if self._makers:
            least |= {"unsigned_title": OVERLAP_UNSIGNED, "unsigned": OVERLAP_UNSIGNED}
        self._near = {
            part: RareWords([getattr(item, part) for item in self._popular], weights, overlap)
            for part, overlap in least.items()
        }

    def _maker_codes(self, items: Sequence[ItemWords]) -> NDArray[np.int64]:
        return np.array([self._makers.get(item.maker, -1) for item in items], np.int64)

    def copies(self, items: pd.DataFrame) -> list[Copy]:
        """Return which lines are like a popular item of another maker, the most alike each.

        ``items`` have the catalog's columns. What is popular itself is nobody's copy.
        """
        checked = np.flatnonzero(~items["item_id"].astype(str).isin(self._ids))
        found = []
        for start in range(0, len(checked), _AT_ONCE):
            lines = checked[start : start + _AT_ONCE]
            block = list(item_words(items.iloc[lines], self._template, self._maker))
            best: dict[int, Copy] = {}
            for place, at in self._pairs(block):
                same = self._suspicious_overlap(block[place], self._popular[at])
                if same > (best[place].overlap if place in best else 0.0):
                    best[place] = Copy(int(lines[place]), self._ids[at], same)
            found += [best[place] for place in sorted(best)]
        return found

    def _pairs(self, block: Sequence[ItemWords]) -> Iterator[tuple[int, int]]:
        """Return positions in the block and of popular items that may be alike, in order."""
        if not self._popular:
            return iter(())
        pairs = [
            near.near([getattr(item, part) for item in block]) for part, near in self._near.items()
        ]
        place, at = np.divmod(np.unique(np.concatenate(pairs)), len(self._popular))
        maker = self._maker_codes(block)
        # By far the most: editions of one maker's thing.
        other = (maker[place] < 0) | (maker[place] != self._maker_of[at])
        return zip(place[other].tolist(), at[other].tolist(), strict=True)

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
        overlap = self._weights.overlap
        same = (overlap(item.title, popular.title) + overlap(item.whole, popular.whole)) / 2
        if not (item.maker and popular.maker):
            other = item.first != popular.first
            return same if same >= (OVERLAP_OTHER_WORD if other else OVERLAP_SAME_WORD) else 0.0
        if item.maker == popular.maker:
            return 0.0
        if same >= OVERLAP:
            return same
        if same < OVERLAP_SIGNED:
            return 0.0
        title = overlap(item.unsigned_title, popular.unsigned_title)
        same = (title + overlap(item.unsigned, popular.unsigned)) / 2
        return same if same >= OVERLAP_UNSIGNED else 0.0
