"""The demo shop is honest: nothing of it is suspected, and what is slipped in is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.demo_shop.shop import make_demo_shop
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity
from longtail.retrieval.data.suspects.finding import COPY, INVISIBLE, MANY_KINDS, counts
from longtail.retrieval.data.suspects.validation import suspects_of
from longtail.retrieval.progress import silent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, Interactions]:
    folder = tmp_path_factory.mktemp("shop")
    make_demo_shop(folder, n_items=1500, n_users=1000, seed=3, drift=False, progress=silent)
    return read(folder)


def read(folder: Path) -> tuple[Catalog, Interactions]:
    rejected = RejectedRows()
    catalog = read_catalog(folder / "catalog.csv", rejected=rejected)
    return catalog, read_interactions(folder / "interactions.csv", catalog, rejected=rejected)


def with_items(shop: tuple[Catalog, Interactions], items: pd.DataFrame) -> Catalog:
    frame = pd.concat([shop[0].frame, items], ignore_index=True)
    return Catalog(frame, shop[0].template)


def test_nothing_honest_is_suspected(shop: tuple[Catalog, Interactions]) -> None:
    assert not suspects_of(*shop)


def test_what_is_slipped_in_is_found_and_nothing_else(shop: tuple[Catalog, Interactions]) -> None:
    catalog, log = shop
    popular = Popularity.from_counts(log.user_counts(len(catalog)), catalog.item_ids).bucket == HEAD
    rng = np.random.default_rng(0)
    clones = catalog.frame[popular].sample(20, random_state=0).copy()
    clones["brand"] = "Nobody & Sons"
    stuffed = catalog.frame[~popular].sample(10, random_state=1).copy()
    words = catalog.frame["title"].str.split().explode().to_numpy()
    stuffed["description"] += [" " + " ".join(rng.choice(words, 80)) for _ in range(len(stuffed))]
    hidden = catalog.frame[~popular].sample(5, random_state=2).copy()
    hidden["title"] = "\u200b" + hidden["title"]
    items = pd.concat([clones, stuffed, hidden], ignore_index=True)
    items["item_id"] = [f"new {i}" for i in range(len(items))]
    found = suspects_of(with_items(shop, items), log)
    assert {finding.item_id for finding in found} <= set(items["item_id"])
    assert counts(found) == {COPY: 20, MANY_KINDS: 10, INVISIBLE: 5}
