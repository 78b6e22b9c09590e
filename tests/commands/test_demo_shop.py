"""The demo shop: the same for a seed, readable, and with taste in its texts."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.demo_shop.items import load_niches
from longtail.demo_shop.shop import make_demo_shop
from longtail.demo_shop.wording import CHINESE
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
    return read(shop)


def read(folder: Path) -> tuple[Catalog, Interactions]:
    """Return catalog and log of a shop in which there is nothing to set aside or to note."""
    rejected = RejectedRows()
    catalog = read_catalog(folder / "catalog.csv", rejected=rejected)
    log = read_interactions(folder / "interactions.csv", catalog, rejected=rejected)
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


def test_the_chinese_shop_has_niches_of_its_own_and_the_same_structure(tmp_path: Path) -> None:
    niches = load_niches(CHINESE)
    makers = [maker for niche in niches for maker in niche.makers]
    assert len(niches) == 20
    assert len(set(makers)) == len(makers) == 80
    assert all(len(niche.uses) == 5 and len(niche.products) == 8 for niche in niches)
    make_demo_shop(tmp_path, n_items=400, n_users=60, language="zh")
    catalog, _ = read(tmp_path)
    assert catalog.frame["categories"].nunique() == 20
    assert catalog.frame["title"].is_unique
    for text in catalog.texts():
        assert not set(text) & set("abcdefghijklmnopqrstuvwxyz{}")


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


def test_a_shop_without_drift_is_the_one_that_it_always_was(tmp_path: Path) -> None:
    make_demo_shop(tmp_path, n_items=150, n_users=40, seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog.csv", "interactions.csv"]
    # As it was before there was a drift: tables and trained runs of documents stand on it.
    digests = {path.name: sha256(path.read_bytes()).hexdigest()[:16] for path in tmp_path.iterdir()}
    assert digests == {"catalog.csv": "c414184a46d7f4e9", "interactions.csv": "485e4c8371bf5546"}


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drifting")
    make_demo_shop(folder, n_items=1500, n_users=1500, seed=3, drift=True)
    return folder


def test_a_seed_gives_the_same_drift(tmp_path: Path) -> None:
    for folder, seed in (("one", 5), ("again", 5), ("other", 6)):
        make_demo_shop(tmp_path / folder, n_items=200, n_users=60, seed=seed, drift=True)
    for name in ("catalog.csv", "interactions.csv", "users.csv"):
        one, again, other = ((tmp_path / f / name).read_bytes() for f in ("one", "again", "other"))
        assert one == again != other


def test_what_is_popular_at_the_end_is_not_what_was_popular_at_the_start(
    drifting: Path, tmp_path: Path
) -> None:
    make_demo_shop(tmp_path, n_items=1500, n_users=1500, seed=3)
    still, changing = popularity_kept(tmp_path), popularity_kept(drifting)
    assert still > 0.25
    assert changing < 0.5 * still


def popularity_kept(folder: Path) -> float:
    """Return the rank correlation of the items' counts in the first and last quarter."""
    log = pd.read_csv(folder / "interactions.csv")
    item_ids = pd.read_csv(folder / "catalog.csv")["item_id"]
    quarter = pd.cut(log["timestamp"], 4, labels=False)
    first, last = (
        log["item_id"][quarter == number].value_counts().reindex(item_ids, fill_value=0)
        for number in (0, 3)
    )
    return float(first.corr(last, method="spearman"))


def test_what_was_taken_lately_says_more_than_what_was_taken_most(drifting: Path) -> None:
    log = pd.read_csv(drifting / "interactions.csv")
    cut = log["timestamp"].quantile(0.9)
    before, after = log[log["timestamp"] <= cut], log[log["timestamp"] > cut]
    month = before[before["timestamp"] > cut - 30 * 86_400]
    most, lately = (part["item_id"].value_counts().index[:50] for part in (before, month))
    assert after["item_id"].isin(lately).mean() > 1.5 * after["item_id"].isin(most).mean()


def test_seasons_lift_a_category_and_let_it_go(drifting: Path) -> None:
    log = pd.read_csv(drifting / "interactions.csv")
    category = pd.read_csv(drifting / "catalog.csv").set_index("item_id")["categories"]
    month = pd.cut(log["timestamp"], 12, labels=False)
    shares = pd.crosstab(log["item_id"].map(category), month, normalize="columns")
    swing = shares.max(axis=1) / shares.min(axis=1).clip(lower=1e-4)
    assert (swing > 5.0).mean() > 0.4


def test_unknown_items_rise_beside_items_of_their_category_that_do_not(drifting: Path) -> None:
    log = pd.read_csv(drifting / "interactions.csv")
    cut = log["timestamp"].quantile(0.8)
    counts = log["item_id"][log["timestamp"] <= cut].value_counts()
    lately = log["item_id"][log["timestamp"] > cut].value_counts()
    item_ids = pd.read_csv(drifting / "catalog.csv")["item_id"]
    counts = counts.reindex(item_ids, fill_value=0)
    tail = counts.index[counts.rank(ascending=False, method="first") > 0.2 * len(counts)]
    head_at_the_end = lately.index[: len(counts) // 5]
    assert head_at_the_end.isin(tail).mean() > 0.4


def test_some_histories_are_long(drifting: Path) -> None:
    lengths = np.bincount(read(drifting)[1].user)
    assert 0.05 < (lengths >= 50).mean() < 0.2
    assert 200 < lengths.max() <= 300


def test_the_default_cut_of_the_year_leaves_users_of_whom_nothing_is_known(drifting: Path) -> None:
    log = read(drifting)[1]
    assert (log.time.max() - log.time.min()) / 86_400 == pytest.approx(364, abs=3)
    parts = split(log)
    assert parts.kind == "temporal"
    known = np.isin(np.unique(parts.test.user), parts.train.user)
    assert 0.6 < known.mean() < 0.92


def test_items_come_in_in_every_month(drifting: Path) -> None:
    added = read(drifting)[0].frame["added"]
    months = added[added.ge("2025-01-01")].str.slice(0, 7).value_counts()
    assert len(months) == 12
    assert months.sum() == pytest.approx(0.45 * 1500, abs=1)
    assert months.min() > 20


def test_nothing_is_bought_twice_or_before_it_came_in_by_who_buys_much(drifting: Path) -> None:
    catalog, log = read(drifting)
    added = catalog.frame["added"].to_numpy().astype("datetime64[s]").astype(np.int64)
    assert (log.time > added[log.item]).all()
    pairs = log.user.astype(np.int64) * len(catalog) + log.item
    assert len(np.unique(pairs)) == len(pairs)


@pytest.mark.parametrize("column", ["age", "gender", "region"])
def test_the_columns_of_a_customer_say_what_the_customer_likes(drifting: Path, column: str) -> None:
    log = pd.read_csv(drifting / "interactions.csv")
    users = pd.read_csv(drifting / "users.csv").set_index("user_id")
    assert len(users) == 1500
    assert 0.02 < users[column].isna().mean() < 0.2
    category = pd.read_csv(drifting / "catalog.csv").set_index("item_id")["categories"]
    values = pd.qcut(users[column], 5, labels=False) if column == "age" else users[column]
    # One line a customer and category: purchases of one customer are no independent witnesses.
    log["category"] = log["item_id"].map(category)
    taken = log[["user_id", "category"]].drop_duplicates()

    def chi_squared(of_user: pd.Series) -> float:
        table = pd.crosstab(taken["user_id"].map(of_user), taken["category"]).to_numpy()
        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        return float(((table - expected) ** 2 / expected).sum())

    shuffled = pd.Series(np.random.default_rng(0).permutation(values.to_numpy()), values.index)
    assert chi_squared(values) > 1.5 * chi_squared(shuffled)
