"""The figures of `describe` on a log small enough to count by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.describe import deciles, describe, gini
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Popularity

CATALOG = Catalog(
    pd.DataFrame({"item_id": list("abcde"), "title": ["one", "two words", "x", "y", "z"]}),
    "{title}",
)
LOG = Interactions(
    user_ids=np.array(["u", "v", "w"], dtype=object),
    user=np.array([0, 0, 0, 1, 1, 2], np.int32),
    item=np.array([0, 1, 0, 0, 2, 0], np.int32),
    time=np.array([1, 2, 3, 4, 5, 6], np.int64) + 1_700_000_000,
    has_clock=True,
    label=np.array([1, 1, 1, 1, 0, 1], np.int8),
)


def test_a_small_log_is_described_by_its_counts() -> None:
    popularity = Popularity.from_counts(LOG.user_counts(5), CATALOG.item_ids, "items:0.4")
    found = describe(
        CATALOG,
        LOG,
        popularity,
        tokenizer=lambda texts: np.array([len(t.split()) + 2 for t in texts]),
        max_tokens=3,
    )
    assert (found.n_users, found.n_items, found.n_interactions, found.n_rejected) == (3, 5, 5, 1)
    assert found.density == pytest.approx(4 / 15)
    assert found.users_with_one_event == 2
    assert found.items_without_events == 3
    assert found.bucket_sizes == {"head": 2, "tail": 0, "cold": 3}
    assert (found.head_threshold, found.ties_at_threshold) == (1, (1, 0))
    assert found.history_quantiles[0] == 1
    assert found.history_quantiles[-1] == 3
    assert found.texts_cut == 1
    assert found.token_quantiles is not None
    assert found.token_quantiles[-1] == 4
    assert found.time_range == (1_700_000_001, 1_700_000_006)


def test_without_tokenizer_or_clock_these_figures_are_absent() -> None:
    popularity = Popularity.from_counts(LOG.user_counts(5), CATALOG.item_ids)
    ordinal = Interactions(LOG.user_ids, LOG.user, LOG.item, LOG.time, has_clock=False)
    found = describe(CATALOG, ordinal, popularity)
    assert found.token_quantiles is None
    assert found.texts_cut is None
    assert found.time_range is None


counts = st.lists(st.integers(0, 50), min_size=1, max_size=40).map(np.array)


@given(counts)
def test_gini_is_the_mean_difference_over_twice_the_mean(values: np.ndarray) -> None:
    expected = 0.0
    if values.sum():
        differences = np.abs(values[:, None] - values[None, :]).mean()
        expected = differences / (2 * values.mean())
    assert gini(values) == pytest.approx(expected, abs=1e-12)


@given(counts)
def test_deciles_fall_and_sum_to_one(values: np.ndarray) -> None:
    found = deciles(values)
    assert sum(found) == pytest.approx(1.0 if values.sum() else 0.0)
    if len(values) % 10 == 0:
        assert all(a >= b for a, b in itertools.pairwise(found))
