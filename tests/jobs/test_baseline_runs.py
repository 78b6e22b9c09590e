"""The baselines of one evaluation: tuned in turn, recorded, left out with a reason."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from longtail.evaluation.baselines.registry import METHODS
from longtail.evaluation.baselines.tuning import Budget
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.protocol import Recommender
from longtail.jobs.baseline_runs import Rivals
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.progress import silent

N_ITEMS = 14
DIAL = (0.0, 0.5)


def bundle(has_clock: bool = False) -> Any:
    """What of a bundle the baselines read: a log with its parts, the catalog, the counts."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(25), 5).astype(np.int32)
    item = rng.integers(0, N_ITEMS, len(user)).astype(np.int32)
    part = np.tile([TRAIN, TRAIN, TRAIN, VALID, TEST], 25).astype(np.int8)
    ids = np.array([f"u{number}" for number in range(25)], dtype=object)
    log = Interactions(ids, user, item, np.arange(len(user)), has_clock=has_clock, part=part)
    items = [f"i{row}" for row in range(N_ITEMS)]
    catalog = Catalog(pd.DataFrame({"item_id": items, "title": items}), "{title}")
    train = log.select(part == TRAIN)
    counts = Popularity.from_counts(train.user_counts(N_ITEMS), catalog.item_ids)
    return SimpleNamespace(log=log, catalog=catalog, popularity=counts, config={})


def texts() -> Any:
    return np.eye(N_ITEMS, dtype=np.float32)


def rivals(
    *names: str,
    budget: Budget | None = None,
    said: list[str] | None = None,
    fallback: Recommender | None = None,
) -> Rivals:
    lines: list[str] = [] if said is None else said
    return Rivals(
        cast(Any, bundle()), names, DIAL, budget, 0, silent, lines.append, texts, fallback
    )


def test_each_is_recorded_with_its_choice_and_what_it_cost() -> None:
    said: list[str] = []
    made = rivals("popularity", "item-knn", budget=Budget(settings=3), said=said)
    assert [(one.name, one.strengths) for one in made.made()] == [
        ("popularity", DIAL),
        ("ItemKNN", DIAL),
    ]
    record = made.records[1]
    assert (record["name"], record["tried"], record["offered"]) == ("ItemKNN", 3, 8)
    assert record["setting"] in [dict(setting) for setting in METHODS["item-knn"].grid[:3]]
    assert record["left_out"] is None
    assert 0 <= cast(float, record["validation_ndcg@10"]) <= 1
    assert said[0].startswith("popularity: no settings (best of 1 settings, validation NDCG@10")
    assert said[1].startswith("ItemKNN: neighbours ")


def test_untuned_the_usual_setting_is_taken() -> None:
    said: list[str] = []
    made = rivals("item-knn", said=said)
    assert [one.name for one in made.made()] == ["ItemKNN"]
    assert made.records[0]["setting"] == dict(METHODS["item-knn"].grid[0])
    assert (made.records[0]["tried"], made.records[0]["validation_ndcg@10"]) == (0, None)
    assert "usual setting, not tuned" in said[0]


def test_what_cannot_be_made_is_left_out_and_the_rest_goes_on() -> None:
    said: list[str] = []
    made = rivals("recent-popularity", "popularity", said=said)
    assert [one.name for one in made.made()] == ["popularity"]
    assert "without real timestamps" in str(made.records[0]["left_out"])
    assert said[0].startswith("left out: recent popularity: ")
    assert [record["name"] for record in made.records] == ["recent popularity", "popularity"]


def test_methods_that_read_histories_get_the_fallback_and_their_records_say_so() -> None:
    engine = next(iter(rivals("popularity").made()))
    made = rivals("item-knn", "popularity", "random", fallback=engine)
    nobody = Histories.from_lists([[]], ["new"])
    lists = {one.name: one.answers(nobody, 3, ("all",)) for one in made.made()}
    expected = engine.answers(nobody, 3, ("all",))
    for debias in DIAL:
        assert (lists["ItemKNN"][debias, "all"] == expected[debias, "all"]).all()
    assert (lists["random"][0.0, "all"] != expected[0.0, "all"]).any()
    assert [record["without_history"] for record in made.records] == [
        "popularity",
        "popularity",
        "random",
    ]


def test_without_a_fallback_methods_and_records_are_their_own() -> None:
    made = rivals("item-knn")
    [knn] = made.made()
    lists = knn.answers(Histories.from_lists([[]], ["new"]), 3, ("all",))
    assert (lists[0.0, "all"] == -1).all()
    assert "without_history" not in made.records[0]


def test_each_is_let_go_before_the_next_is_made() -> None:
    alive: list[weakref.ref[Any]] = []
    for one in rivals("item-knn", "rp3beta", "popularity", budget=Budget(settings=2)).made():
        gc.collect()
        assert [ref for ref in alive if ref() is not None] == []
        alive.append(weakref.ref(one))
        del one
    assert len(alive) == 3


def test_a_failure_of_the_evaluation_itself_is_not_swallowed() -> None:
    generator = cast(Any, rivals("popularity", "random").made())
    next(generator)
    with pytest.raises(EvaluationError, match="not this"):
        generator.throw(EvaluationError("not this"))
