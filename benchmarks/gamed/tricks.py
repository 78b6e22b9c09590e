"""Texts and logs that somebody has tampered with: stuffed, hidden, marked up, bought."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.suspects.finding import INVISIBLE, MANY_KINDS, MARKUP, REPEATED

STUFFED, REPEATS = 40, 12
BUYERS, BESIDE, TAKEN = 50, (4, 7, 10), 4


def tampered(
    catalog: Catalog, rows: list[int], rng: np.random.Generator
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield what a trick is told as, and these items with titles that it was played on."""
    words = [word for text in catalog.texts() for word in text.split()]

    def stuffed(title: str) -> str:
        return " ".join([title, *(words[i] for i in rng.integers(len(words), size=STUFFED))])

    tricks: dict[str, Callable[[str], str]] = {
        MANY_KINDS: stuffed,
        REPEATED: lambda title: f"{title} {' '.join(['bestseller'] * REPEATS)}",
        INVISIBLE: lambda title: "\u200b".join([title[:3], title[3:]]),
        MARKUP: lambda title: f"<b>{title}</b>",
    }
    for reason, trick in tricks.items():
        items = catalog.frame.iloc[rows].reset_index(drop=True)
        ids = [f"{reason} {i}" for i in range(len(rows))]
        yield reason, items.assign(item_id=ids, title=[trick(str(t)) for t in items["title"]])


def bought(
    log: Interactions,
    target: int,
    popular: NDArray[np.int64],
    beside: int,
    rng: np.random.Generator,
) -> Interactions:
    """Return the log with 50 made-up users who take an item and 4 of a few popular ones."""
    chosen = rng.choice(popular, beside, replace=False)
    histories = [[*rng.choice(chosen, TAKEN, replace=False), target] for _ in range(BUYERS)]
    item = np.array(histories, np.int32).ravel()
    first = len(log.user_ids)
    user = np.repeat(np.arange(first, first + BUYERS), TAKEN + 1).astype(np.int32)
    ids = np.array([f"made up {i}" for i in range(BUYERS)], dtype=object)
    time = np.full(len(item), log.time[-1] if len(log) else 0, dtype=log.time.dtype)
    return Interactions(
        np.concatenate([log.user_ids, ids]),
        np.concatenate([log.user, user]),
        np.concatenate([log.item, item]),
        np.concatenate([log.time, time]),
        has_clock=log.has_clock,
    )
