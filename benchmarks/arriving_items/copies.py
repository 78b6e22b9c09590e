"""Exact copies of items under new ids: in how many lists they come up, beside their originals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from arriving_items.late import Engine, K
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import COLD, POOL_NAMES, TAIL

MOST_COPIES, USERS = 100, 1_000
PREFIX = "copy of "


def choose_originals(engine: Engine, seed: int = 0) -> dict[str, list[str]]:
    """Return the items of the tail, and of the cold ones, that are copied; at most 100 each."""
    bundle = engine.retriever.bundle
    rng = np.random.default_rng(seed)
    there = bundle.popularity.in_pool("all")
    chosen = {}
    for pool in (COLD, TAIL):
        rows = np.flatnonzero((bundle.popularity.bucket == pool) & there)
        rows = np.sort(rng.choice(rows, min(len(rows), MOST_COPIES), replace=False))
        chosen[POOL_NAMES[pool]] = bundle.catalog.item_ids[rows].tolist()
    return chosen


def copies_of(items: pd.DataFrame, originals: dict[str, list[str]]) -> pd.DataFrame:
    """Return the rows of all originals under new ids."""
    chosen = items[items["item_id"].isin([i for ids in originals.values() for i in ids])]
    return chosen.assign(item_id=PREFIX + chosen["item_id"])


def measure_copies(engine: Engine, originals: dict[str, list[str]]) -> dict[str, object]:
    """Return in how many tail lists of 1,000 users an original, and its copy, comes up on average.

    The engine has the copies already. Users who took the original don't count: they don't get
    it again.
    """
    catalog = engine.retriever.bundle.catalog
    asked = np.flatnonzero(np.diff(engine.known.offsets) > 0)
    if len(asked) > USERS:
        asked = np.sort(np.random.default_rng(0).choice(asked, USERS, replace=False))
    histories = engine.known.take(asked)
    lists = engine.recommender().answers(histories, K, ("tail",))
    n = len(catalog)
    owner = np.repeat(np.arange(len(asked)), np.diff(histories.offsets))
    had = np.unique(owner * n + histories.items)
    rows = {
        pool: (catalog.rows_of(ids), catalog.rows_of([PREFIX + item for item in ids]))
        for pool, ids in originals.items()
        if ids
    }
    found: dict[str, object] = {"users": len(asked)}
    for label, debias in engine.strengths.items():
        answers = lists[debias, "tail"]
        found[label] = {}
        for pool, (original, copied) in rows.items():
            of_original = np.full(n, -1, np.int64)
            of_original[original], of_original[copied] = original, original
            counted = answers[_not_had(answers, of_original, had)]
            times = np.bincount(counted, minlength=n) * 1_000 / max(len(asked), 1)
            found[label][pool] = {  # type: ignore[index]
                "items": len(original),
                "originals": float(times[original].mean()),
                "copies": float(times[copied].mean()),
            }
    return found


def _not_had(
    answers: NDArray[np.int64], of_original: NDArray[np.int64], had: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which answers are originals or copies whose original the user hadn't taken."""
    original = np.where(answers >= 0, of_original[answers], -1)
    keys = np.arange(len(answers))[:, None] * len(of_original) + original
    return (original >= 0) & ~np.isin(keys, had)
