"""Ids that are spelt much like a mistyped one, found in bounded time."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Sequence

# Comparing takes some microseconds an id: of more ids only the neighbours are compared.
MOST_COMPARED = 5_000


def near_ids(misspelt: str, ordered: Sequence[str], n: int = 3) -> list[str]:
    """Return up to ``n`` of the ordered ids that are much like ``misspelt``, the most alike first.

    Of more than `MOST_COMPARED` ids only those around its place in the order are looked at: they
    begin as it does.

    >>> near_ids("user-2l", ["shop-1", "user-20", "user-21"])
    ['user-21', 'user-20']
    """
    place = bisect_left(ordered, misspelt)
    first = max(min(place - MOST_COMPARED // 2, len(ordered) - MOST_COMPARED), 0)
    return difflib.get_close_matches(misspelt, ordered[first : first + MOST_COMPARED], n)
