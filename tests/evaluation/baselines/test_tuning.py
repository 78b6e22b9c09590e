"""Tuning: one budget for everybody, chosen on validation, nothing of the test part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Self

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from longtail.evaluation.baselines.registry import METHODS, Material
from longtail.evaluation.baselines.tuning import Budget, Setting, Tuned, tune
from longtail.evaluation.baselines.validation_score import ValidationPart, validation_ndcg
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.protocol import Baseline
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.jobs.runs.evaluation_choices import BASELINES
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.popularity import Popularity

N_ITEMS = 15


class Favours:
    """Puts one item first for everybody."""

    name = "favours"

    def __init__(self, item: int) -> None:
        self.item = item
        self.seen: Interactions | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        self.seen = interactions
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        found = np.zeros((len(histories), N_ITEMS), np.float32)
        found[:, self.item] = 1
        return found


def shop() -> Catalog:
    ids = [f"i{row}" for row in range(N_ITEMS)]
    titles = [f"thing {row % 4} of kind {row % 3}" for row in range(N_ITEMS)]
    return Catalog(pd.DataFrame({"item_id": ids, "title": titles}), "{title}")


def log(n_users: int = 30, has_clock: bool = True) -> Interactions:
    """Four events a user; the third is validation, item 11 for most; the fourth is test."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(n_users), 4).astype(np.int32)
    item = rng.integers(0, 10, len(user)).astype(np.int32)
    item[2::4] = np.where(np.arange(n_users) % 5 > 0, 11, 12)
    item[3::4] = 13
    part = np.tile([TRAIN, TRAIN, VALID, TEST], n_users).astype(np.int8)
    ids = np.array([f"u{number}" for number in range(n_users)], dtype=object)
    time = 86_400 * np.arange(len(user), dtype=np.int64)
    return Interactions(ids, user, item, time, has_clock=has_clock, part=part)


def train(events: Interactions) -> Interactions:
    return events.select(events.part == TRAIN)


def counted(events: Interactions) -> Popularity:
    return Popularity.from_counts(train(events).user_counts(N_ITEMS), shop().item_ids)


def validation() -> ValidationPart:
    part = ValidationPart.of(log(), N_ITEMS, max_users=1000, seed=0)
    assert part is not None
    return part


GRID: tuple[Setting, ...] = ({"item": 3}, {"item": 12}, {"item": 11}, {"item": 13})


USUAL = Budget()


def choose(
    grid: tuple[Setting, ...] = GRID,
    *,
    part: ValidationPart | None = None,
    budget: Budget = USUAL,
    clock: Callable[[], float] = lambda: 0.0,
) -> Tuned:
    return tune(
        lambda setting: Favours(int(setting["item"])),
        grid,
        train(log()),
        shop(),
        counted(log()),
        validation=part,
        budget=budget,
        clock=clock,
    )


def test_the_setting_that_validation_likes_best_is_chosen() -> None:
    found = choose(part=validation())
    assert found.setting == {"item": 11}
    assert (found.tried, found.offered) == (4, 4)
    # The others' item 12 ties with the rest and goes by row: beyond the tenth place.
    assert found.ndcg == pytest.approx(0.8)


def test_the_chosen_method_is_fitted_on_the_training_part_alone() -> None:
    baseline = choose(part=validation()).baseline
    assert isinstance(baseline, Favours)
    assert baseline.seen is not None
    assert len(baseline.seen) == 60
    assert baseline.seen.part is not None
    assert (baseline.seen.part == TRAIN).all()


def test_the_test_part_has_no_say() -> None:
    events = log()
    item = np.where(events.part == TEST, 3, events.item).astype(np.int32)
    other = ValidationPart.of(replace(events, item=item), N_ITEMS, max_users=1000, seed=0)
    assert choose(part=other).ndcg == choose(part=validation()).ndcg


def test_the_number_of_settings_is_bounded() -> None:
    found = choose(part=validation(), budget=Budget(settings=2))
    assert (found.setting, found.tried, found.offered) == ({"item": 12}, 2, 4)


def test_no_setting_is_begun_that_would_outlast_the_seconds() -> None:
    # The clock is read once at the start, twice a setting, and once at the end.
    ticks: Iterator[float] = iter([0, 0, 40, 40, 80, 80, 200])
    found = choose(part=validation(), budget=Budget(seconds=100), clock=lambda: next(ticks))
    assert (found.setting, found.tried, found.seconds) == ({"item": 12}, 2, 200)


def test_the_first_setting_always_completes() -> None:
    ticks: Iterator[float] = iter([0, 0, 900, 900, 901])
    found = choose(part=validation(), budget=Budget(seconds=1), clock=lambda: next(ticks))
    assert (found.setting, found.tried) == ({"item": 3}, 1)


def test_equals_keep_the_usual_setting() -> None:
    grid: tuple[Setting, ...] = ({"item": 3}, {"item": 4})
    assert choose(grid, part=validation()).setting == {"item": 3}


def test_without_a_validation_part_the_usual_setting_is_taken() -> None:
    found = choose(part=None)
    assert (found.setting, found.tried) == ({"item": 3}, 0)
    assert np.isnan(found.ndcg)
    assert ValidationPart.of(replace(log(), part=None), N_ITEMS, max_users=9, seed=0) is None
    known_already = replace(log(), item=np.zeros(len(log()), np.int32))
    assert ValidationPart.of(known_already, N_ITEMS, max_users=9, seed=0) is None


def test_an_empty_grid_is_refused() -> None:
    with pytest.raises(EvaluationError, match="give its grid at least one"):
        choose(())


def test_the_number_chosen_by_is_the_evaluators_ndcg() -> None:
    events = log()
    assert events.part is not None
    baseline = METHODS["item-knn"].make(material(), METHODS["item-knn"].grid[0])
    baseline.fit(train(events), shop())
    result = evaluate(
        [ScoreRecommender(baseline, counted(events))],
        events.select(events.part == VALID),
        Histories.from_interactions(train(events)),
        counted(events),
        ks=(10,),
    )
    found = validation_ndcg(baseline, validation(), counted(events))
    assert found == pytest.approx(result.value("ItemKNN", "ndcg"))


def test_at_most_so_many_users_are_drawn() -> None:
    few = ValidationPart.of(log(), N_ITEMS, max_users=7, seed=0)
    assert few is not None
    assert len(few.users) == len(set(few.users.tolist())) == 7
    assert few.first(3).users.tolist() == few.users[:3].tolist()
    other = ValidationPart.of(log(), N_ITEMS, max_users=7, seed=1)
    assert other is not None
    assert other.users.tolist() != few.users.tolist()


def material() -> Material:
    vectors = np.random.default_rng(0).normal(size=(N_ITEMS, 4)).astype(np.float32)
    return Material(lambda: vectors, validation())


def test_the_command_line_knows_every_method() -> None:
    assert tuple(METHODS) == BASELINES


@pytest.mark.parametrize("name", METHODS)
class TestEveryMethod:
    def test_offers_the_same_number_of_settings_at_most(self, name: str) -> None:
        grid = METHODS[name].grid
        assert 1 <= len(grid) <= Budget().settings
        assert len({tuple(setting.items()) for setting in grid}) == len(grid)

    def test_keeps_the_contract_from_fit_to_lists(self, name: str) -> None:
        method, events = METHODS[name], log()
        setting = dict(method.grid[0])
        if name == "sasrec":
            setting |= {"dim": 8, "epochs": 2}
        if name == "bpr":
            setting |= {"iterations": 5}
        baseline: Baseline = method.make(material(), setting).fit(train(events), shop())
        assert baseline.name == method.title
        ranked = ScoreRecommender(baseline, counted(events), (0.0, 0.5), standardise=True)
        assert events.part is not None
        known = Histories.from_interactions(events.select(events.part < TEST))
        result = evaluate(
            [ranked], events.select(events.part == TEST), known, counted(events), ks=(5,)
        )
        assert result.recommenders == [method.title, f"{method.title} (debias 0.5)"]
        # What it says of itself is true: an evaluation gives a fallback to those that need one.
        nobody = Histories.from_lists([[], []], ["new", "newer"])
        answered = (ranked.answers(nobody, 5, ("all",))[0.0, "all"] >= 0).any()
        assert answered == (not method.reads_history)
