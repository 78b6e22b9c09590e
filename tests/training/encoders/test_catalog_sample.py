"""A part of a catalog and its users: nobody is asked for what isn't in it."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD
from longtail.retrieval.data.splits import Split
from longtail.retrieval.data.splits import split as split_log
from longtail.training.encoders.catalog_sample import CatalogSample, draw_sample
from longtail.training.validation import ValidationSet


def drawn(catalog: Catalog, split: Split, items: int, seed: int = 0) -> CatalogSample:
    return draw_sample(catalog, split, items=items, users=1_000, bucket_rule="items:0.2", seed=seed)


def test_a_small_catalog_is_whole(catalog: Catalog, split: Split) -> None:
    sample = drawn(catalog, split, 1_000)
    assert sample.whole
    assert sample.texts == catalog.texts()
    expected = ValidationSet.from_split(
        Histories.from_interactions(split.train),
        split.valid,
        sample.popularity,
        max_users=1_000,
        seed=0,
    )
    assert np.array_equal(sample.validation.pair_item, expected.pair_item)
    assert np.array_equal(sample.validation.pair_user, expected.pair_user)
    assert np.array_equal(sample.validation.known.items, expected.known.items)


@pytest.mark.parametrize("items", [25, 40])
def test_a_part_holds_whole_users_and_no_more_items(
    items: int, catalog: Catalog, split: Split
) -> None:
    whole, sample = drawn(catalog, split, 1_000), drawn(catalog, split, items)
    assert len(sample) == len(np.unique(sample.rows)) == items
    assert 0 < len(sample.validation) < len(whole.validation)
    targets = {}
    for user, item in zip(whole.validation.pair_user, whole.validation.pair_item, strict=True):
        targets.setdefault(whole.validation.known.user_ids[user], set()).add(int(item))
    pairs = zip(sample.validation.pair_user, sample.validation.pair_item, strict=True)
    of_users: dict[int, set[int]] = {}
    for user, item in pairs:
        of_users.setdefault(int(user), set()).add(int(sample.rows[item]))
    # Each user of the part asks for all that the same user asks for in the whole.
    assert len(of_users) == len(sample.validation)
    assert all(asked in targets.values() for asked in of_users.values())
    assert all(len(sample.validation.known[user]) for user in of_users)


def test_head_and_tail_are_those_of_the_whole_catalog(catalog: Catalog, split: Split) -> None:
    whole, sample = drawn(catalog, split, 1_000), drawn(catalog, split, 30)
    assert np.array_equal(sample.popularity.bucket, whole.popularity.bucket[sample.rows])
    assert np.array_equal(sample.popularity.log_p, whole.popularity.log_p[sample.rows])
    tail = whole.popularity.bucket[sample.rows[sample.validation.pair_item]] != HEAD
    assert np.array_equal(sample.validation.in_tail, tail)


def test_the_seed_says_which(catalog: Catalog, split: Split) -> None:
    first, again, other = (drawn(catalog, split, 30, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)


def test_without_a_log_items_are_drawn_and_nobody_is_asked(catalog: Catalog) -> None:
    sample = drawn(catalog, split_log(Interactions.nothing()), 20)
    assert len(sample) == 20
    assert len(sample.validation) == 0
