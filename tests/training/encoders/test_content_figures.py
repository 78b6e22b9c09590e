"""What vectors alone are worth, user by user: the same figures that a training chooses by."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.towers.whitening import unit_rows
from longtail.training.co_taken.content_measure import ContentMeasure
from longtail.training.encoders.catalog_sample import CatalogSample, draw_sample
from longtail.training.encoders.content_figures import (
    ContentFigures,
    content_figures,
    interval,
    resampled_balances,
)


@pytest.fixture(scope="module")
def sample(catalog: Catalog, split: Split) -> CatalogSample:
    return draw_sample(catalog, split, items=1_000, users=1_000, bucket_rule="items:0.2", seed=0)


def random_vectors(n: int, seed: int = 0) -> NDArray[np.float32]:
    return unit_rows(np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32))


def figures_of(rng: np.random.Generator, users: int, gain: float = 0.0) -> ContentFigures:
    values = rng.random((4, users)) + gain
    values[1::2, ::3] = np.nan
    return ContentFigures(*values)


def test_they_are_those_of_the_content_measure(sample: CatalogSample) -> None:
    vectors = random_vectors(len(sample))
    found = content_figures(vectors, sample)
    expected = ContentMeasure(sample.validation, sample.popularity).of(vectors)
    assert found.balance == pytest.approx(expected.balance)
    assert found.recall.mean() == pytest.approx(expected.recall)
    assert np.nanmean(found.tail_recall) == pytest.approx(expected.tail_recall)
    assert len(found.recall) == len(found.tail_recall) == len(sample.validation)


def test_the_interval_holds_the_balance_and_shrinks_with_users() -> None:
    widths = []
    for users in (100, 1_600):
        figures = figures_of(np.random.default_rng(0), users)
        low, high = interval(resampled_balances([figures], seed=0)[:, 0])
        assert low < figures.balance < high
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.3)


def test_resampled_balances_spread_as_the_delta_method_says() -> None:
    figures = figures_of(np.random.default_rng(1), 2_000)
    tail = np.nan_to_num(figures.tail_ndcg)
    share = (~np.isnan(figures.tail_ndcg)).mean()
    overall, of_tail = figures.ndcg.mean(), np.nanmean(figures.tail_ndcg)
    there = ~np.isnan(figures.tail_ndcg)
    pull = (figures.ndcg - overall) / overall + there * (tail - of_tail) / share / of_tail
    expected = 0.5 * figures.balance * pull.std() / 2_000**0.5
    found = resampled_balances([figures], seed=0)[:, 0].std()
    assert found == pytest.approx(expected, rel=0.1)


def test_differences_are_paired() -> None:
    first = figures_of(np.random.default_rng(2), 500)
    second = ContentFigures(*(0.99 * part for part in vars(first).values()))
    balances = resampled_balances([first, second], seed=0)
    assert (balances[:, 1] / balances[:, 0]) == pytest.approx(0.99)


def test_without_a_target_in_the_tail_the_overall_figure_stands_alone() -> None:
    none = np.full(50, np.nan)
    ndcg = np.random.default_rng(3).random(50)
    figures = ContentFigures(ndcg, none, ndcg, none)
    assert figures.balance == pytest.approx(ndcg.mean())
    assert np.isfinite(resampled_balances([figures], seed=0)).all()
