"""A log of twelve users and ten items whose other columns a test chooses, read from CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions

NOW = 1_750_000_000.0
_USERS, _ITEMS = 12, 10


def read_timed(
    folder: Path,
    n: int,
    columns: dict[str, object],
    reading: Reading = AS_THEY_ARE,
    rejected: RejectedRows | None = None,
) -> Interactions:
    """Return a log of n events with these columns beside users and items."""
    users = [f"u{row % _USERS}" for row in range(n)]
    taken = [f"i{row * _ITEMS // n}" for row in range(n)]
    frame = pd.DataFrame({"user_id": users, "item_id": taken, **columns})
    frame.to_csv(folder / "log.csv", index=False)
    items = pd.DataFrame({"item_id": [f"i{item}" for item in range(_ITEMS)], "title": "x"})
    return read_interactions(
        folder / "log.csv",
        Catalog(items, "{title}"),
        reading=reading,
        rejected=RejectedRows() if rejected is None else rejected,
        now=NOW,
    )
