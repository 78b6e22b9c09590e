"""Words of texts in scripts without blanks: pairs of neighbouring characters stand in for them."""

from __future__ import annotations

import re

from longtail.retrieval.data.languages.scripts import PAIRED_RUN


def pairs_of(run: str) -> list[str]:
    """Return the overlapping pairs of a run of characters; a single one stands for itself.

    >>> pairs_of("登山鞋"), pairs_of("茶")
    (['登山', '山鞋'], ['茶'])
    """
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def with_character_pairs(text: str) -> str:
    """Return the text with runs of Chinese, Japanese, Korean, Thai... as pairs with blanks between.

    What full-text search does where it has no dictionary (Lucene's ``CJKBigramFilter``).

    >>> with_character_pairs("Nike登山鞋 42")
    'Nike 登山 山鞋  42'
    """
    return PAIRED_RUN.sub(_parted, text)


def _parted(run: re.Match[str]) -> str:
    return f" {' '.join(pairs_of(run.group()))} "
