"""Item texts of a made-up shop of any size, each made on demand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.demo_shop.items import load_niches, make_items

ITEMS = 4_000


class SyntheticTexts:
    """Any row's text: the title of one of the demo shop's items, the description of another.

    Different up to row 16 million. With ``changed`` every so-manieth text is another.
    """

    def __init__(self, *, changed: int = 0, seed: int = 0) -> None:
        self._items = make_items(load_niches(), ITEMS, np.random.default_rng(seed))
        self._changed = changed

    def __call__(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the texts of these rows."""
        return [self._text(row) for row in rows.tolist()]

    def _text(self, row: int) -> str:
        round_, place = divmod(row, ITEMS)
        titled, described = self._items[place], self._items[(place + 7 * round_ + 1) % ITEMS]
        again = ", new" if self._changed and row % self._changed == 0 else ""
        return f"{titled.title}{again}. {titled.brand}. {described.description}"
