"""The demo shop: the same for a seed, readable, and with taste in its texts."""

from pathlib import Path

import numpy as np
import pytest

from longtail.demo_shop.items import load_niches
from longtail.demo_shop.shop import make_demo_shop
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import split


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    make_demo_shop(folder, n_items=1500, n_users=800, seed=3)
    return folder


@pytest.fixture(scope="module")
def data(shop: Path) -> tuple[Catalog, Interactions]:
    rejected = RejectedRows()
    catalog = read_catalog(shop / "catalog.csv", rejected=rejected)
    log = read_interactions(shop / "interactions.csv", catalog, rejected=rejected)
    assert len(rejected) == 0
    assert rejected.notes == []
    return catalog, log


def test_a_seed_gives_the_same_shop(shop: Path, tmp_path: Path) -> None:
    make_demo_shop(tmp_path / "again", n_items=1500, n_users=800, seed=3)
    make_demo_shop(tmp_path / "other", n_items=1500, n_users=800, seed=4)
    for name in ("catalog.csv", "interactions.csv"):
        again, other = ((tmp_path / f / name).read_bytes() for f in ("again", "other"))
        assert (shop / name).read_bytes() == again != other


def test_there_are_forty_niches_of_distinct_makers() -> None:
    niches = load_niches()
    makers = [maker for niche in niches for maker in niche.makers]
    assert len(niches) == 40
    assert len(set(makers)) == len(makers) == 160
    assert all(len(niche.uses) == 5 and len(niche.products) == 8 for niche in niches)


def test_titles_are_distinct_and_texts_name_maker_and_niche(
    data: tuple[Catalog, Interactions],
) -> None:
    frame = data[0].frame
    assert frame["title"].is_unique
    assert frame["categories"].nunique() == 40
    for text, brand, category in zip(
        data[0].texts(), frame["brand"], frame["categories"], strict=True
    ):
        assert brand in text
        assert category in text
        assert "{" not in text
    assert frame["price"].gt(0).all()


def test_popularity_has_a_long_tail_and_new_items_are_cold(
    data: tuple[Catalog, Interactions],
) -> None:
    catalog, log = data
    parts = split(log)
    assert parts.kind == "temporal"
    counts = parts.train.user_counts(len(catalog))
    popularity = Popularity.from_counts(counts, catalog.item_ids)
    head = popularity.bucket == 0
    assert 0.4 < counts[head].sum() / counts.sum() < 0.9
    new = catalog.frame["added"].ge("2025-11-01").to_numpy()
    assert new.mean() == pytest.approx(0.1, abs=0.01)
    # Some of them come in during the last days of the train part.
    assert (counts[new] == 0).mean() > 0.6
    cold_events = (counts[parts.test.item] == 0).mean()
    assert 0.05 < cold_events < 0.4
    assert log.time.max() < np.datetime64("2025-12-31T00:00:00", "s").astype(np.int64)


def test_nothing_is_bought_before_it_came_in_or_twice(data: tuple[Catalog, Interactions]) -> None:
    catalog, log = data
    added = catalog.frame["added"].to_numpy().astype("datetime64[s]").astype(np.int64)
    assert (log.time > added[log.item]).all()
    pairs = log.user.astype(np.int64) * len(catalog) + log.item
    assert len(np.unique(pairs)) == len(pairs)


def test_the_niche_of_the_history_tells_the_next_purchase(
    data: tuple[Catalog, Interactions],
) -> None:
    catalog, log = data
    niche = catalog.frame["categories"].astype("category").cat.codes.to_numpy()
    same_user = log.user[1:] == log.user[:-1]
    repeats = (niche[log.item[1:]] == niche[log.item[:-1]])[same_user].mean()
    assert repeats > 0.4  # by chance it would be about 0.04
