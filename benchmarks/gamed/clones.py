"""Made-up copies of popular items, as somebody would write them who wants their buyers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from longtail.retrieval.data.text_template import template_columns

REBRANDED = ("brand in front", "brand replaced")
KINDS = ("exact", *REBRANDED, "shuffled words", "words appended", "words dropped")
SHARE = 0.2


@dataclass(frozen=True)
class Clones:
    """Copies, one a line.

    Attributes:
        kind: how each was made, one of `KINDS`.
        source: the catalog row that each copies.
        items: their columns.
    """

    kind: list[str]
    source: list[int]
    items: pd.DataFrame


def make_clones(
    frame: pd.DataFrame,
    template: str,
    rows: list[int],
    maker: str,
    rng: np.random.Generator,
) -> Clones:
    """Return a copy of each kind of each of these rows, all by other makers.

    Words are shuffled, appended (from the same column of other items) and dropped column by column.
    ``maker`` is the column of makers. A brand of the catalog stands in front of the title, or takes
    the place of the maker's name wherever the columns hold that; other copies are by nobody known.
    """
    columns = [name for name in template_columns(template) if name != maker]
    words = {c: [w for text in frame[c].astype(str) for w in text.split()] for c in columns}

    def drawn(column: str, n: int) -> list[str]:
        return [words[column][i] for i in rng.integers(len(words[column]), size=n)]

    def shuffled(column: str, text: list[str]) -> list[str]:
        return [text[i] for i in rng.permutation(len(text))]

    def appended(column: str, text: list[str]) -> list[str]:
        return text + drawn(column, round(SHARE * len(text)))

    def dropped(column: str, text: list[str]) -> list[str]:
        kept = len(text) - round(SHARE * len(text))
        return [text[i] for i in np.sort(rng.permutation(len(text))[:kept])]

    changes: dict[str, Callable[[str, list[str]], list[str]]] = {
        **dict.fromkeys(KINDS, lambda _, text: text),
        "shuffled words": shuffled,
        "words appended": appended,
        "words dropped": dropped,
    }
    brands = frame[maker].astype(str).to_numpy()
    kinds, sources, lines = [], [], []
    for row in rows:
        original = frame.iloc[row]
        brand = str(original[maker])
        other = next(name for name in brands[rng.integers(len(brands), size=99)] if name != brand)
        for kind in KINDS:
            maker_of = other if kind in REBRANDED else f"no other {len(lines)}"
            cells = {"item_id": f"clone {len(lines)}", maker: maker_of}
            for column in columns:
                text = str(original[column])
                cells[column] = " ".join(changes[kind](column, text.split()))
                if kind == "brand replaced":
                    cells[column] = rebranded(text, brand, other, column)
                elif kind == "brand in front" and column == "title":
                    cells[column] = f"{other} {text}"
            kinds.append(kind)
            sources.append(row)
            lines.append(cells)
    return Clones(kinds, sources, pd.DataFrame(lines))


def rebranded(text: str, brand: str, other: str, column: str) -> str:
    """Return a text with another brand.

    >>> rebranded("Oro pan", "Oro", "Lux", "title"), rebranded("Pan", "Oro", "Lux", "title")
    ('Lux pan', 'Lux Pan')
    """
    if brand and brand in text:
        return text.replace(brand, other)
    return f"{other} {text}" if column == "title" else text
