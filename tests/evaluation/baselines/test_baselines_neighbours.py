"""Neighbour and closed-form baselines against plain loops and solved systems."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from longtail.evaluation.baselines import EASE, EASEWithText, ItemKNN, RecentPopularity, RP3Beta
from longtail.evaluation.baselines.matrices import nearest_rows, user_item_matrix
from longtail.evaluation.baselines.neighbourhood import ease
from longtail.evaluation.baselines.neighbourhood.ease import ease_weights
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.protocol import Baseline
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions

N_ITEMS = 25


def shop(n_items: int = N_ITEMS) -> Catalog:
    ids = [f"i{row}" for row in range(n_items)]
    return Catalog(pd.DataFrame({"item_id": ids, "title": ids}), "{title}")


def log(n_users: int = 60, n_items: int = N_ITEMS, seed: int = 0) -> Interactions:
    """Users of two tastes; the last item is taken by nobody, some items twice by a user."""
    rng = np.random.default_rng(seed)
    user = np.sort(rng.integers(0, n_users, 5 * n_users)).astype(np.int32)
    half = (n_items - 1) // 2
    item = rng.integers(0, half, len(user)) + half * (user % 2)
    ids = np.array([f"u{number}" for number in range(n_users)], dtype=object)
    time = np.arange(len(user), dtype=np.int64)
    return Interactions(ids, user, item.astype(np.int32), time, has_clock=False)


def dense(events: Interactions, n_items: int = N_ITEMS) -> NDArray[np.float64]:
    table = np.zeros((len(events.user_ids), n_items))
    table[events.user, events.item] = 1
    return table


HISTORIES = Histories.from_lists([[1, 4, 2], [], [13]])
DECAYED = np.zeros((3, N_ITEMS))
DECAYED[0, [2, 4, 1]] = 1, 0.5, 0.25
DECAYED[2, 13] = 1


def test_item_knn_sums_shrunk_cosines_of_the_nearest() -> None:
    table = dense(log())
    similarity = np.zeros((N_ITEMS, N_ITEMS))
    for i in range(N_ITEMS):
        for j in range(N_ITEMS):
            if i != j:
                both = sum(table[u, i] * table[u, j] for u in range(len(table)))
                root = np.sqrt(table[:, i].sum() * table[:, j].sum())
                similarity[i, j] = both / (root + 3.0)
    found = ItemKNN(neighbours=N_ITEMS, shrinkage=3.0, decay=0.5).fit(log(), shop())
    expected = DECAYED @ similarity
    expected[expected == 0] = -np.inf
    np.testing.assert_allclose(found.scores(HISTORIES), expected, rtol=1e-5)


def test_each_item_keeps_its_largest_weights_and_never_itself() -> None:
    weights = np.array([[9, 1, 2], [3, 9, 4], [-1, 5, 9]], np.float32)
    kept = nearest_rows(lambda rows: weights[rows].copy(), 3, neighbours=1)
    assert kept.toarray().tolist() == [[0, 0, 2], [0, 0, 4], [0, 5, 0]]


def test_item_knn_of_one_neighbour_says_little() -> None:
    one = ItemKNN(neighbours=1).fit(log(), shop()).scores(Histories.from_lists([[3]]))
    assert np.isfinite(one).sum() == 1


def test_rp3beta_is_a_walk_over_users_divided_by_popularity() -> None:
    table = dense(log())
    per_item, per_user = np.maximum(table.sum(0), 1), np.maximum(table.sum(1), 1)
    weight = np.zeros((N_ITEMS, N_ITEMS))
    for i in range(N_ITEMS):
        for j in range(N_ITEMS):
            for u in range(len(table)):
                step = table[u, i] * table[u, j]
                weight[i, j] += step / per_item[i] ** 0.7 / per_user[u] ** 0.7
            weight[i, j] *= (i != j) / per_item[j] ** 0.4
    found = RP3Beta(alpha=0.7, beta=0.4, neighbours=N_ITEMS, decay=0.5).fit(log(), shop())
    expected = DECAYED @ weight
    expected[expected == 0] = -np.inf
    np.testing.assert_allclose(found.scores(HISTORIES), expected, rtol=1e-5)


def least_squares(table: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Solve what EASE is defined by, one target item at a time."""
    n_items = table.shape[1]
    weights = np.zeros((n_items, n_items))
    for j in range(n_items):
        others = [i for i in range(n_items) if i != j]
        x = table[:, others]
        weights[others, j] = np.linalg.solve(
            x.T @ x + ridge * np.eye(n_items - 1), x.T @ table[:, j]
        )
    return weights


def test_ease_is_the_ridge_regression_on_all_other_items() -> None:
    events = log()
    found = ease_weights(user_item_matrix(events, N_ITEMS), 4.0)
    np.testing.assert_allclose(found, least_squares(dense(events), 4.0), atol=1e-5)
    scores = EASE(ridge=4.0, decay=0.5).fit(events, shop()).scores(HISTORIES)
    known = dense(events).sum(axis=0) > 0
    np.testing.assert_allclose(scores[0, known], (DECAYED @ found)[0, known], atol=1e-5)


def test_ease_says_nothing_about_items_without_training_nor_without_a_history() -> None:
    scores = EASE().fit(log(), shop()).scores(HISTORIES)
    assert (scores[:, -1] == -np.inf).all()
    assert (scores[1] == -np.inf).all()
    assert np.isfinite(scores[0, :-1]).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = user_item_matrix(log(), N_ITEMS)
    vectors = np.random.default_rng(0).normal(size=(N_ITEMS, 4)).astype(np.float32)
    whole = ease_weights(taken, 4.0, vectors=vectors, kernel=2.0)
    monkeypatch.setattr("longtail.retrieval.features.closed_form.row_blocks.__defaults__", (7,))
    parts = ease_weights(taken, 4.0, vectors=vectors, kernel=2.0)
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_the_text_kernel_acts_like_users_who_took_what_the_texts_say() -> None:
    # X'X + kernel W W' is the matrix of a log with one more user a text dimension.
    events = log()
    vectors = np.random.default_rng(1).normal(size=(N_ITEMS, 4)).astype(np.float32)
    longer = np.vstack([dense(events), np.sqrt(2.0) * vectors.T])
    found = ease_weights(user_item_matrix(events, N_ITEMS), 4.0, vectors=vectors, kernel=2.0)
    np.testing.assert_allclose(found, least_squares(longer, 4.0), atol=1e-4)


def test_ease_with_text_finds_cold_items_by_their_text() -> None:
    vectors = np.eye(N_ITEMS, dtype=np.float32)
    vectors[N_ITEMS - 1] = vectors[3]
    found = EASEWithText(vectors).fit(log(), shop()).scores(Histories.from_lists([[3]]))
    assert int(found[0].argmax()) == N_ITEMS - 1


def test_ease_stops_at_catalogs_too_large_for_a_dense_matrix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ease, "MOST_ITEMS", 20)
    with pytest.raises(EvaluationError, match=r"25 x 25 and stops at 20 items; leave it out"):
        EASE().fit(log(), shop())


def test_vectors_of_another_catalog_are_refused() -> None:
    with pytest.raises(EvaluationError, match="3 vectors for 25 items"):
        EASEWithText(np.eye(3, dtype=np.float32)).fit(log(), shop())


def test_a_matrix_without_inverse_is_one_clear_error() -> None:
    with pytest.raises(EvaluationError, match="raise its ridge"):
        ease_weights(user_item_matrix(log(), N_ITEMS), -5.0)


def test_recent_popularity_halves_with_every_half_life() -> None:
    day = 86_400
    events = Interactions(
        np.array(["a", "b", "c"], dtype=object),
        np.array([0, 0, 1, 2], np.int32),
        np.array([0, 0, 0, 1], np.int32),
        np.array([0, 4 * day, 8 * day, 10 * day], np.int64),
        has_clock=True,
    )
    found = RecentPopularity(half_life_days=2.0).fit(events, shop(3)).scores(HISTORIES)
    # Item 0: user a 6 days before the end (the later of two), user b 2 days; item 1: now.
    expected = [1 / 8 + 1 / 2, 1.0, 0.0]
    np.testing.assert_allclose(np.expm1(found), [expected] * 3, rtol=1e-5)


def test_recent_popularity_needs_a_clock() -> None:
    with pytest.raises(EvaluationError, match="equals popularity on a log without real timest"):
        RecentPopularity().fit(log(), shop())


@pytest.mark.parametrize(
    "baseline",
    [ItemKNN(), RP3Beta(), EASE(), EASEWithText(np.eye(3, dtype=np.float32)), RecentPopularity()],
    ids=lambda baseline: baseline.name,
)
def test_an_unfitted_baseline_says_so(baseline: Baseline) -> None:
    with pytest.raises(EvaluationError, match="never fitted"):
        baseline.scores(HISTORIES)
