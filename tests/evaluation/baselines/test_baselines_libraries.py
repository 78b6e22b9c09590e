"""Baselines by libraries: what our wrapping adds agrees with the libraries' own answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_info, threadpool_limits

from longtail.evaluation.baselines import BM25, BPR, IALS, libraries
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.protocol import Baseline
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions

TITLES = [
    "green tea leaves",
    "green tea cup",
    "black tea leaves leaves",
    "steel saw",
    "steel drill with case",
    "the",
]


def shop() -> Catalog:
    ids = [f"i{row}" for row in range(len(TITLES))]
    return Catalog(pd.DataFrame({"item_id": ids, "title": TITLES}), "{title}")


def log() -> Interactions:
    """Tea people and tool people; item 5 is taken by nobody, the last user takes nothing."""
    pairs = [(user, item) for user in range(12) for item in ([0, 1, 2] if user % 2 else [3, 4])]
    pairs = [(user, item) for user, item in pairs if (user + item) % 5]
    user, item = np.array(pairs, dtype=np.int32).T
    ids = np.array([f"u{number}" for number in range(13)], dtype=object)
    return Interactions(ids, user, item, np.arange(len(user)), has_clock=False)


def test_ials_solves_the_user_from_the_history_that_is_asked_for() -> None:
    model = IALS(factors=3, regularization=0.5, alpha=4.0, seed=1).fit(log(), shop())
    found = model.scores(Histories.from_lists([[0, 2, 2], []]))
    items = model._model.item_factors.astype(float)
    # Hu et al., eq. 4: (Y'C Y + reg I) x = Y'C p, with confidence 4 on taken items, 1 elsewhere.
    confidence = np.array([4, 1, 4, 1, 1, 1.0])
    taken = np.array([1, 0, 1, 0, 0, 0.0])
    left = items.T @ (confidence[:, None] * items) + 0.5 * np.eye(3)
    user = np.linalg.solve(left, items.T @ (confidence * taken))
    np.testing.assert_allclose(found[0, :5], (items @ user)[:5], rtol=1e-3, atol=1e-5)
    assert found[0, 1] > found[0, 3]
    assert (found[:, 5] == -np.inf).all()
    assert (found[1] == -np.inf).all()


def test_ials_believes_in_what_was_taken_often_where_that_is_wanted() -> None:
    once = log()
    # Tea people take item 0 ten times.
    often = np.repeat(np.arange(len(once)), np.where(once.item == 0, 10, 1))
    many = replace(once.select(often), time=np.arange(len(often)))
    histories = Histories.from_lists([[1], [3]])

    def scores(events: Interactions, amounts: bool) -> np.ndarray:
        model = IALS(factors=3, alpha=4.0, seed=1, amounts=amounts).fit(events, shop())
        return np.asarray(model.scores(histories))

    np.testing.assert_array_equal(scores(many, False), scores(once, False))
    # Where amounts don't differ there is nothing to believe in.
    np.testing.assert_array_equal(scores(once, True), scores(once, False))
    # Hu et al., section 4: the confidence grows with the logarithm.
    certain = np.zeros((13, 6))
    certain[once.user, once.item] = np.log2(1 + np.where(once.item == 0, 10, 1))
    library = libraries.import_library("implicit.cpu.als", "iALS")
    model = library.AlternatingLeastSquares(
        factors=3, regularization=1.0, alpha=4.0, iterations=15, random_state=1
    )
    model.fit(csr_matrix(certain.astype(np.float32)), show_progress=False)
    users = model.recalculate_user(np.arange(2), csr_matrix(np.eye(6, dtype=np.float32)[[1, 3]]))
    expected = (users @ model.item_factors.T)[:, :5]
    np.testing.assert_allclose(scores(many, True)[:, :5], expected, rtol=1e-3, atol=1e-5)


def test_ials_leaves_blas_one_thread_under_the_librarys_own() -> None:
    """With more, OpenBLAS warns on the screen, of each user at each step."""
    model = IALS(factors=3).fit(log(), shop())
    inner, seen = model._model, []

    class Watched:
        item_factors = inner.item_factors

        def recalculate_user(self, *given: Any) -> Any:
            pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
            seen.extend(pool["num_threads"] for pool in pools)
            return inner.recalculate_user(*given)

    model._model = Watched()
    with threadpool_limits(2, "blas"):
        model.scores(Histories.from_lists([[0, 2]]))
        after = [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]
    assert seen
    assert set(seen) == {1}
    assert set(after) == {2}


def test_bpr_answers_by_the_user_it_was_trained_on() -> None:
    model = BPR(factors=4, iterations=200, seed=1).fit(log(), shop())
    found = model.scores(Histories.from_lists([[], [], [], []], ["u1", "u2", "u12", "nobody"]))
    assert found[0, :3].min() > found[0, 3:5].max()
    assert found[1, 3:5].min() > found[1, :3].max()
    assert (found[2:] == -np.inf).all()
    assert (found[:, 5] == -np.inf).all()


@pytest.mark.parametrize("kind", [IALS, BPR])
def test_the_seed_decides_the_factors(kind: type[IALS] | type[BPR]) -> None:
    histories = Histories.from_lists([[0, 1]], ["u1"])
    one, again, other = (
        kind(factors=3, seed=seed).fit(log(), shop()).scores(histories) for seed in (1, 1, 2)
    )
    assert (one == again).all()
    assert (one != other).any()


def test_bm25_is_the_library_asked_with_each_title() -> None:
    import bm25s

    engine = bm25s.BM25(k1=1.2, b=0.6, method="lucene")
    engine.index(bm25s.tokenize(TITLES, stopwords="en", show_progress=False), show_progress=False)
    own = [
        engine.get_scores(words)
        for words in (["green", "tea", "cup"], ["black", "tea", "leaves", "leaves"])
    ]
    found = BM25(k1=1.2, b=0.6, decay=0.5).fit(log(), shop())
    expected = own[0] + 0.5 * own[1]
    expected[expected == 0] = -np.inf
    scores = found.scores(Histories.from_lists([[2, 1], [], [5]]))
    np.testing.assert_allclose(scores[0], expected, rtol=1e-5)
    assert (scores[1:] == -np.inf).all()


def test_titles_without_a_word_are_refused() -> None:
    empty = Catalog(pd.DataFrame({"item_id": ["a", "b"], "title": ["", "the"]}), "{title}")
    with pytest.raises(EvaluationError, match="no word in the titles"):
        BM25().fit(log(), empty)


def test_a_library_that_is_missing_is_named_with_its_remedy() -> None:
    with pytest.raises(EvaluationError, match=r"iALS needs the library nowhere; install it with"):
        libraries.import_library("nowhere.at.all", "iALS")


@pytest.mark.parametrize("baseline", [IALS(), BPR(), BM25()], ids=lambda b: b.name)
def test_an_unfitted_baseline_says_so(baseline: Baseline) -> None:
    with pytest.raises(EvaluationError, match="never fitted"):
        baseline.scores(Histories.from_lists([[0]]))
