"""Data folders from which some items are missing: with their events, or their events alone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from longtail.demo_shop.shop import make_demo_shop
from longtail.files.folders.find_files import find_users_file
from longtail.files.input_files import make_inputs
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE
from longtail.retrieval.data.interactions import PARTS
from longtail.retrieval.data.popularity import COLD, TAIL, Popularity
from longtail.retrieval.data.splits import split
from longtail.retrieval.progress import silent

CATALOG, LOG = "items.parquet", "interactions.parquet"
# Of the data sets: a word instead of a folder.
SHOP = "demo-shop"


@dataclass(frozen=True)
class Dataset:
    """Catalog and log as their files have them; ids are texts, and every event has its part.

    Attributes:
        items: the catalog, with ``item_id``.
        events: the log, with ``user_id``, ``item_id`` and ``split``.
        bucket: HEAD, TAIL or COLD by item id, counted in the train part.
        users: the users file, None without one.
    """

    items: pd.DataFrame
    events: pd.DataFrame
    bucket: pd.Series[int]
    users: Path | None

    def test_events(self, item_ids: Sequence[str]) -> pd.DataFrame:
        """Return who took these items in the test part."""
        events = self.events
        inside = events["item_id"].isin(item_ids) & (events["split"] == PARTS[2])
        return events.loc[inside, ["user_id", "item_id"]]

    def write(self, folder: Path, *, without: Sequence[str] = (), unheard: bool = False) -> None:
        """Write the folder without the events of some items; ``unheard``: without them at all."""
        folder.mkdir(parents=True, exist_ok=True)
        items = self.items[~self.items["item_id"].isin(without)] if unheard else self.items
        events = self.events[~self.events["item_id"].isin(without)]
        items.to_parquet(folder / CATALOG, index=False)
        events.to_parquet(folder / LOG, index=False)
        if self.users is not None:
            shutil.copy(self.users, folder / self.users.name)


def read_dataset(folder: Path, rejected: Path) -> Dataset:
    """Return a data folder, split as `longtail train` would split it.

    The split is drawn before any event leaves, so that all engines are asked about the same time.
    ``rejected`` names the file for rows that can't be read.
    """
    inputs = make_inputs(folder, None, None, None, AS_THEY_ARE, rejected)
    data = inputs.read(silent)
    items, events = _table(inputs.catalog), _table(inputs.interactions)
    parts = split(data.log)
    if "split" not in events:
        log = parts.interactions
        events = pd.DataFrame(
            {
                "user_id": log.user_ids[log.user],
                "item_id": data.catalog.item_ids[log.item],
                "timestamp": log.time,
                "split": np.array(PARTS, dtype=object)[parts.part],
            }
        )
        optional = {"weight": log.weight, "label": log.label}
        events = events.assign(**{k: v for k, v in optional.items() if v is not None})
    counts = parts.train.user_counts(len(data.catalog))
    ids = data.catalog.item_ids
    bucket = Popularity.from_counts(counts, ids).bucket
    return Dataset(items, events, pd.Series(bucket, index=ids), find_users_file(folder))


def make_shop(folder: Path, *, drift: bool = False) -> Path:
    """Write the demo shop where it isn't there yet; return its folder."""
    if not (folder / "interactions.csv").exists():
        make_demo_shop(folder, n_items=3_000, n_users=4_000, seed=0, drift=drift)
    return folder


def draw_late_items(bucket: pd.Series[int], share: float, seed: int) -> list[str]:
    """Return that share of the tail items, and of the cold ones, in the catalog's order.

    >>> bucket = pd.Series([0, 1, 1, 1, 1, 2, 2], index=list("abcdefg"))
    >>> draw = draw_late_items(bucket, 0.5, seed=1)
    >>> [len(set(draw) & set(pool)) for pool in ("a", "bcde", "fg")]
    [0, 2, 1]
    """
    rng = np.random.default_rng(seed)
    drawn: set[str] = set()
    for pool in (TAIL, COLD):
        ids = bucket.index[bucket == pool].to_numpy(dtype=object)
        drawn |= set(rng.choice(ids, round(share * len(ids)), replace=False))
    return [item for item in bucket.index if item in drawn]


def _table(path: Path) -> pd.DataFrame:
    """Return a file's rows with their ids as texts."""
    if path.suffix in (".parquet", ".pq"):
        table = pd.read_parquet(path)
    else:
        separator = "\t" if ".tsv" in path.suffixes else ","
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    ids = [name for name in ("user_id", "item_id") if name in table]
    return table.astype(dict.fromkeys(ids, str))
