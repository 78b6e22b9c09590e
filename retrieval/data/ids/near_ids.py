"""Ids that are spelt much like a mistyped one, found without a look at all of them."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Of each order so many ids before and after the mistyped one's place are compared.
_NEIGHBOURS = 24
# A longer id than this is looked for by its beginning.
_LONGEST_COMPARED = 64


@dataclass(frozen=True, eq=False)
class NearIds:
    """Ids in two orders, by how they begin and by how they end.

    A mistyped id has its place near the meant one in an order by whose end of the id the slip
    isn't: the time doesn't grow with the number of ids.

    Attributes:
        ids: the owner's spelling, Arrow strings [n].
        orders: pairs of folded ids, the second time backwards, in order, and their places.

    >>> NearIds.of(["shop-1", "user-20", "user-21"]).find("user-2l")
    ['user-21', 'user-20']
    """

    ids: Any
    orders: tuple[tuple[Any, NDArray[np.int64]], ...]

    @classmethod
    def of(cls, ids: Iterable[str]) -> NearIds:
        """Return what finds these ids."""
        spelt = pa.array(list(ids), pa.large_string())
        folded = pc.utf8_lower(spelt)
        orders = []
        for keys in (folded, pc.utf8_reverse(folded)):
            places = pc.sort_indices(keys)
            orders.append((pc.take(keys, places), places.to_numpy().astype(np.int64)))
        return cls(spelt, tuple(orders))

    def find(self, misspelt: str, n: int = 3) -> list[str]:
        """Return up to ``n`` ids that are much like this one, the most alike first."""
        wanted = misspelt.strip().lower()[:_LONGEST_COMPARED]
        if not wanted.isascii():
            wanted = wanted.encode(errors="replace").decode()
        near: dict[str, str] = {}
        for (keys, places), key in zip(self.orders, (wanted, wanted[::-1]), strict=True):
            place = _place(keys, key)
            for at in places[max(place - _NEIGHBOURS, 0) : place + _NEIGHBOURS].tolist():
                known = self.ids[at].as_py()
                near.setdefault(known.lower()[:_LONGEST_COMPARED], known)
        matches = difflib.get_close_matches(wanted, near, n)
        return [near[match] for match in matches]


def _place(ordered: Any, key: str) -> int:
    """Return how many of ordered Arrow strings come before this one."""

    def at(place: int) -> str:
        return str(ordered[place].as_py())

    return bisect_left(range(len(ordered)), key, key=at)
