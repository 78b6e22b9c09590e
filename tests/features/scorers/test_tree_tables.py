"""Trees as tables: the same bits as LightGBM's own answers, or no tables."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.features.scorers.tree_tables import TreeTables
from longtail.retrieval.kernels.tree_sums import PAIRS
from longtail.training.head.fit_scorers import fit_boosting


def evidence_of(n: int, seed: int) -> np.ndarray:
    """Return evidence with ties, wide ranges, a constant column and a column of few values."""
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [
            rng.normal(size=n),
            np.exp(rng.normal(scale=6, size=n)),
            np.full(n, 0.3),
            rng.integers(-2, 3, n),
            np.round(rng.normal(size=n), 1),
        ]
    ).astype(np.float32)


@pytest.fixture(scope="module")
def trees() -> Boosting:
    evidence = evidence_of(4_000, 0)
    label = evidence[:, 0] + 0.3 * evidence[:, 3] * (evidence[:, 4] > 0) > 0.5
    return fit_boosting(evidence, label, np.ones(len(label), np.float32), rounds=40, seed=0)


def booster_of(trees: Boosting, folder: object) -> lightgbm.Booster:
    trees.save(folder)  # type: ignore[arg-type]
    return lightgbm.Booster(model_file=str(folder / "trees.txt"))  # type: ignore[operator]


@pytest.mark.parametrize("n", [1, PAIRS - 1, PAIRS, PAIRS + 1, 3_000])
def test_every_sum_is_the_library_s_to_the_last_bit(
    trees: Boosting, tmp_path: object, n: int
) -> None:
    booster = booster_of(trees, tmp_path)
    tables = TreeTables.of([booster.dump_model()])
    assert tables is not None
    evidence = evidence_of(n, 1)
    expected = np.asarray(booster.predict(evidence, raw_score=True))
    assert len(np.unique(expected)) > min(n, 100) / 2
    assert tables.sums(evidence)[0].tobytes() == expected.tobytes()
    assert trees.logits(evidence).tobytes() == expected.astype(np.float32).tobytes()


def test_evidence_on_a_threshold_goes_where_the_library_sends_it(
    trees: Boosting, tmp_path: object
) -> None:
    booster = booster_of(trees, tmp_path)
    tables = TreeTables.of([booster.dump_model()])
    assert tables is not None
    edges = tables.edges[0][np.isfinite(tables.edges[0])]
    assert len(edges) > 5
    evidence = evidence_of(3 * len(edges), 2)
    below, above = (np.nextafter(edges, np.float32(to)) for to in (-np.inf, np.inf))
    evidence[:, 0] = np.concatenate([below, edges, above])
    expected = np.asarray(booster.predict(evidence, raw_score=True))
    assert tables.sums(evidence)[0].tobytes() == expected.tobytes()


def test_missing_evidence_counts_as_zero_as_in_the_library(
    trees: Boosting, tmp_path: object
) -> None:
    booster = booster_of(trees, tmp_path)
    tables = TreeTables.of([booster.dump_model()])
    assert tables is not None
    evidence = evidence_of(300, 3)
    evidence[::3, 0] = np.nan
    expected = np.asarray(booster.predict(evidence, raw_score=True))
    assert tables.sums(evidence)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("what", ["leaves", "categories", "missing"])
def test_what_tables_cannot_hold_is_left_to_the_library(what: str) -> None:
    evidence = evidence_of(4_000, 4)
    label = evidence[:, 0] + evidence[:, 3] ** 2 * (evidence[:, 4] > 0) > 1.0
    if what == "missing":
        evidence[::2, 0] = np.nan
    if what == "categories":
        evidence[:, 3] += 2
    leaves = 31 if what == "leaves" else 15
    options = {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 5, "verbosity": -1}
    categories = [3] if what == "categories" else []
    data = lightgbm.Dataset(
        evidence, label, categorical_feature=categories, params={"verbosity": -1}
    )
    booster = lightgbm.train(options, data, 10)
    assert TreeTables.of([booster.dump_model()]) is None
    trees = Boosting(booster.model_to_string())
    expected = np.asarray(booster.predict(evidence, raw_score=True), np.float32)
    assert trees.logits(evidence).tobytes() == expected.tobytes()


def test_trees_that_never_split_are_their_constants() -> None:
    data = lightgbm.Dataset(np.zeros((50, 2)), np.arange(50) % 2, params={"verbosity": -1})
    booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 3)
    expected = np.asarray(booster.predict(np.zeros((4, 2)), raw_score=True), np.float32)
    found = Boosting(booster.model_to_string()).logits(np.zeros((4, 2), np.float32))
    assert found.tobytes() == expected.tobytes()


def test_several_models_at_once_are_each_one_s_own_sums() -> None:
    evidence = evidence_of(2_000, 5)
    label = evidence[:, 0] > 0.2 * evidence[:, 3]
    weight = np.ones(len(label), np.float32)
    models = [fit_boosting(evidence, label, weight, rounds=9, seed=seed) for seed in (1, 2, 3)]
    tables = Boosting.together(models)
    assert tables is not None
    sums = tables.sums(evidence)
    for model, line in zip(models, sums, strict=True):
        assert line.astype(np.float32).tobytes() == model.library_logits(evidence).tobytes()
    head = RelevanceHead(("a", "b", "c", "d", "e"), False, tuple(models))
    expected = np.mean([model.library_logits(evidence) for model in models], axis=0)
    assert head.logits(evidence).tobytes() == expected.astype(np.float32).tobytes()
