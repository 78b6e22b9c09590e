"""Fitting item-to-item weights: the formulas, what is kept, and the route for large catalogs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.closed_form import closed_form_weights
from longtail.retrieval.features.history_scores import HistoryScores
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.training.evidence.item_weights import first_order
from longtail.training.evidence.item_weights.first_order import first_order_rows
from longtail.training.evidence.item_weights.fit_item_weights import (
    ItemWeightsSettings,
    fit_each,
    fit_item_weights,
)
from longtail.training.evidence.item_weights.item_weights_choice import (
    choose_item_weights,
    item_weights_candidates,
    measure_item_weights,
)
from longtail.training.evidence.item_weights.largest_entries import largest_entries
from longtail.training.evidence.text_neighbours import text_neighbours
from longtail.training.towers.history_offsets import neighbour_offsets, offsets_towards
from longtail.training.trainer.examples import taken_matrix
from longtail.training.validation import ValidationSet

N_ITEMS, N_COLD = 40, 4


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def taken() -> sp.csr_matrix:
    """What 80 users took; the last items are taken by nobody."""
    rng = np.random.default_rng(4)
    lists = [
        rng.choice(N_ITEMS - N_COLD, rng.integers(1, 7), replace=False).tolist() for _ in range(80)
    ]
    return taken_matrix(Histories.from_lists(lists), N_ITEMS)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return unit_rows(np.random.default_rng(5).normal(size=(N_ITEMS, 8)))


def closed_form_by_hand(
    taken: sp.csr_matrix, vectors: np.ndarray, kernel: float, ridge: float
) -> np.ndarray:
    x, v = taken.toarray().astype(float), vectors.astype(float)
    p = np.linalg.inv(x.T @ x + kernel * v @ v.T + ridge * np.eye(len(v)))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return b


def first_order_by_hand(
    taken: sp.csr_matrix, vectors: np.ndarray, kernel: float, ridge: float, most: int
) -> np.ndarray:
    x, v = taken.toarray().astype(float), vectors.astype(float)
    gram, near = x.T @ x, v @ v.T
    counts = np.diag(gram).copy()
    np.fill_diagonal(gram, 0)
    np.fill_diagonal(near, 0)
    for row in near:
        row[np.argsort(-row)[most:]] = 0
    return (gram + kernel * np.maximum(near, 0)) / (counts + kernel + ridge)[:, None]


class TestClosedForm:
    def test_it_is_the_formula_written_out(self, taken: sp.csr_matrix, vectors: np.ndarray) -> None:
        found = closed_form_weights(taken, vectors, kernel=3.0, ridge=2.0)
        assert found.dtype == np.float32
        assert found == pytest.approx(closed_form_by_hand(taken, vectors, 3.0, 2.0), abs=2e-4)

    def test_a_matrix_of_several_blocks_is_the_same(
        self, taken: sp.csr_matrix, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = closed_form_weights(taken, vectors, kernel=3.0, ridge=2.0)
        monkeypatch.setattr("longtail.retrieval.features.closed_form.row_blocks.__defaults__", (7,))
        found = closed_form_weights(taken, vectors, kernel=3.0, ridge=2.0)
        assert found == pytest.approx(whole, abs=1e-5)


class TestFirstOrder:
    def test_it_is_the_formula_written_out(self, taken: sp.csr_matrix, vectors: np.ndarray) -> None:
        near = text_neighbours(vectors, 5)
        blocks = list(first_order_rows(taken, near, kernel=3.0, ridge=2.0))
        found = np.concatenate([block.toarray() for _, block in blocks])
        expected = first_order_by_hand(taken, vectors, 3.0, 2.0, 5)
        assert found == pytest.approx(expected, abs=1e-5)

    def test_it_is_the_same_in_many_blocks(
        self, taken: sp.csr_matrix, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        near = text_neighbours(vectors, 5)
        [(_, whole)] = first_order_rows(taken, near, kernel=3.0, ridge=2.0)
        monkeypatch.setattr(first_order, "PAIRS_AT_ONCE", 60)
        blocks = list(first_order_rows(taken, near, kernel=3.0, ridge=2.0))
        assert len(blocks) > 5
        assert [rows.start for rows, _ in blocks[1:]] == [rows.stop for rows, _ in blocks[:-1]]
        found = sp.vstack([block for _, block in blocks]).toarray()
        assert found.tolist() == whole.toarray().tolist()

    def test_it_is_where_the_closed_form_goes_under_a_great_ridge(
        self, taken: sp.csr_matrix, vectors: np.ndarray
    ) -> None:
        ridge = 1e4
        full = closed_form_weights(taken, vectors, kernel=0.0, ridge=ridge)
        near = sp.csr_matrix((N_ITEMS, N_ITEMS), dtype=np.float32)
        [(_, first)] = first_order_rows(taken, near, kernel=0.0, ridge=ridge)
        assert full * ridge == pytest.approx(first.toarray() * ridge, abs=2e-2)


class TestTextNeighbours:
    def test_they_are_the_largest_positive_cosines(self, vectors: np.ndarray) -> None:
        found = text_neighbours(vectors, 5).toarray()
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -1)
        for row, expected in zip(found, cosines, strict=True):
            best = np.sort(np.argsort(-expected)[:5])
            assert np.flatnonzero(row).tolist() == best.tolist()
            assert row[best] == pytest.approx(expected[best], abs=1e-5)

    def test_equal_texts_are_neighbours_and_never_of_themselves(self) -> None:
        same = np.ones((6, 4), np.float32) / 2
        found = text_neighbours(same, 3)
        assert not found.diagonal().any()
        assert np.diff(found.indptr).min() >= 2

    def test_a_large_catalog_finds_nearly_all_of_them(self) -> None:
        rng = np.random.default_rng(0)
        kinds = rng.normal(size=(30, 16))
        vectors = unit_rows(kinds[rng.integers(0, 30, 1000)] + 0.5 * rng.normal(size=(1000, 16)))
        exact = text_neighbours(vectors, 10)
        found = text_neighbours(vectors.astype(np.float16), 10, compare_all_below=100)
        both = exact.astype(bool).multiply(found.astype(bool)).nnz
        assert both / exact.nnz > 0.9

    def test_a_single_item_has_none(self) -> None:
        assert text_neighbours(np.ones((1, 3), np.float32), 5).nnz == 0


class TestLargestEntries:
    @settings(max_examples=40)
    @given(st.integers(0, 10_000), st.integers(1, 9))
    def test_sparse_and_dense_rows_keep_the_same(self, seed: int, most: int) -> None:
        rng = np.random.default_rng(seed)
        dense = rng.integers(-3, 4, (5, 8)).astype(np.float32)
        columns, values = largest_entries(dense, most)
        assert columns.shape == values.shape == (5, most)
        sparse_columns, sparse_values = largest_entries(sp.csr_matrix(dense), most)
        for row in range(5):
            kept = columns[row] >= 0
            assert values[row][kept].tolist() == dense[row, columns[row][kept]].tolist()
            expected = np.sort(np.abs(dense[row]))[::-1][:most]
            assert np.sort(np.abs(values[row]))[::-1][:8].tolist() == expected.tolist()
            pairs = set(zip(columns[row][kept].tolist(), values[row][kept].tolist(), strict=True))
            other = sparse_columns[row] >= 0
            assert pairs == set(
                zip(
                    sparse_columns[row][other].tolist(),
                    sparse_values[row][other].tolist(),
                    strict=True,
                )
            )


SMALL = ItemWeightsSettings(kept=N_ITEMS, text_neighbours=5)


class TestFit:
    def test_a_small_catalog_gets_the_closed_form_and_its_first_term(
        self, taken: sp.csr_matrix, vectors: np.ndarray
    ) -> None:
        found, report = fit_item_weights(taken, vectors, SMALL)
        expected = closed_form_by_hand(taken, vectors, 60.0, 100.0) + 0.25 * first_order_by_hand(
            taken, vectors, 5.0, 20.0, 5
        )
        assert found.matrix.toarray() == pytest.approx(expected, abs=2e-4)
        assert report.route == "closed form"
        assert report.share_kept == 1.0

    def test_a_large_catalog_gets_the_first_term_alone(
        self, taken: sp.csr_matrix, vectors: np.ndarray
    ) -> None:
        found, report = fit_item_weights(
            taken, vectors, SMALL.changed(closed_form_limit=N_ITEMS - 1)
        )
        expected = first_order_by_hand(taken, vectors, 5.0, 20.0, 5)
        assert found.matrix.toarray() == pytest.approx(expected, abs=1e-5)
        assert report.route == "first order"
        assert report.items == N_ITEMS

    @pytest.mark.parametrize("limit", [0, N_ITEMS])
    def test_the_largest_weights_are_kept_and_their_share_is_told(
        self, taken: sp.csr_matrix, vectors: np.ndarray, limit: int
    ) -> None:
        # No first-order term beside the closed form: it is cut to `kept` before it is added.
        chosen = SMALL.changed(closed_form_limit=limit, first_order=0.0)
        whole = fit_item_weights(taken, vectors, chosen)[0].matrix.toarray()
        found, report = fit_item_weights(taken, vectors, chosen.changed(kept=6))
        kept = found.matrix.toarray()
        for row, full in zip(kept, whole, strict=True):
            assert np.sort(np.abs(row))[::-1][:6] == pytest.approx(np.sort(np.abs(full))[::-1][:6])
        assert report.entries_per_item <= 6
        assert report.entries == len(found)
        assert report.share_kept == pytest.approx(
            np.abs(kept).sum() / np.abs(whole).sum(), abs=1e-3
        )

    @pytest.mark.parametrize("limit", [0, N_ITEMS])
    def test_a_cold_item_follows_what_its_text_is_like(
        self, taken: sp.csr_matrix, vectors: np.ndarray, limit: int
    ) -> None:
        like = vectors.copy()
        cold = N_ITEMS - 1
        like[cold] = unit_rows(vectors[[3]] + 0.1 * vectors[[7]])[0]
        found, _ = fit_item_weights(taken, like, SMALL.changed(closed_form_limit=limit))
        scores = HistoryScores.of(found, Histories.from_lists([[3]]))
        rows = scores.top(8, np.ones(N_ITEMS, bool), np.empty(0, np.int64))
        assert cold in rows[0]

    def test_the_same_again_is_the_same_to_the_last_bit(
        self, taken: sp.csr_matrix, vectors: np.ndarray
    ) -> None:
        first, _ = fit_item_weights(taken, vectors)
        again, _ = fit_item_weights(taken, vectors)
        assert first.values.tobytes() == again.values.tobytes()
        assert first.columns.tobytes() == again.columns.tobytes()

    def test_a_log_without_a_pair_gives_weights_from_texts_alone(self, vectors: np.ndarray) -> None:
        alone = taken_matrix(Histories.from_lists([[0], [1]]), N_ITEMS)
        found, _ = fit_item_weights(alone, vectors)
        assert np.isfinite(found.values).all()
        assert len(found)


class TestChoice:
    @pytest.fixture
    def validation(self, taken: sp.csr_matrix) -> ValidationSet:
        """Users of the log who each take one more item."""
        lists = [taken.indices[a:b].tolist() for a, b in pairwise(taken.indptr)]
        targets = np.array([(items[0] + 1) % N_ITEMS for items in lists])
        return ValidationSet(
            known=Histories.from_lists(lists),
            pair_user=np.arange(len(lists)),
            pair_item=targets,
            in_tail=targets >= N_ITEMS // 2,
        )

    def test_weights_are_measured_by_their_own_ranking(self, validation: ValidationSet) -> None:
        # What follows an item is the next one, and every user is asked for the next of one.
        following = sp.csr_matrix(np.roll(np.eye(N_ITEMS, dtype=np.float32), 1, axis=1))
        lists = [[item] for item in range(0, N_ITEMS, 2)]
        asked = replace(
            validation,
            known=Histories.from_lists(lists),
            pair_user=np.arange(len(lists)),
            pair_item=np.array([item + 1 for [item] in lists]),
            in_tail=np.arange(len(lists)) > 3,
        )
        found = measure_item_weights(ItemWeights.from_matrix(following), asked, decay=0.8, last=20)
        assert (found.recall, found.ndcg, found.tail_ndcg) == (1.0, 1.0, 1.0)
        nothing = sp.csr_matrix(np.zeros((N_ITEMS, N_ITEMS), np.float32))
        found = measure_item_weights(ItemWeights.from_matrix(nothing), asked, decay=0.8, last=20)
        assert (found.recall, found.ndcg, found.tail_ndcg) == (0.0, 0.0, 0.0)

    def test_the_best_balanced_candidate_wins(
        self, taken: sp.csr_matrix, vectors: np.ndarray, validation: ValidationSet
    ) -> None:
        candidates = item_weights_candidates(SMALL, N_ITEMS)
        chosen = choose_item_weights(taken, vectors, validation, candidates)
        balances = [m["balance"] for m in chosen.measures]
        assert len(balances) == len(candidates)
        best = candidates[int(np.argmax(balances))]
        assert chosen.settings == best
        alone, _ = fit_item_weights(taken, vectors, best)
        assert chosen.weights.values.tobytes() == alone.values.tobytes()

    @pytest.mark.parametrize("limit", [10 * N_ITEMS, 0])
    def test_amounts_stand_for_who_took_what_where_validation_says_so(
        self, taken: sp.csr_matrix, vectors: np.ndarray, validation: ValidationSet, limit: int
    ) -> None:
        candidates = item_weights_candidates(SMALL.changed(closed_form_limit=limit), N_ITEMS)
        # What is wanted counts most; or all counts as it did, and a tie changes nothing.
        told = taken.toarray().astype(np.float32) * 0.01
        told[:, np.unique(validation.pair_item)] *= 500
        used = []
        for amounts in (told, taken.toarray().astype(np.float32)):
            certain = sp.csr_matrix(amounts)
            chosen = choose_item_weights(taken, vectors, validation, candidates, amounts=certain)
            assert [m["amounts"] for m in chosen.measures] == [False] * len(candidates) + [True]
            balances = [m["balance"] for m in chosen.measures]
            assert chosen.settings.amounts == (balances[-1] > max(balances[:-1]))
            again, _ = fit_item_weights(taken, vectors, chosen.settings, amounts=certain)
            assert chosen.weights.values.tobytes() == again.values.tobytes()
            used.append(chosen.settings.amounts)
        assert used == [limit > 0, False]

    def test_candidates_that_share_an_inverse_take_it_once(
        self, taken: sp.csr_matrix, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []

        def counted(*args: Any, **named: Any) -> np.ndarray:
            calls.append(named)
            return closed_form_weights(*args, **named)

        monkeypatch.setattr(
            "longtail.training.evidence.item_weights.fit_item_weights.closed_form_weights", counted
        )
        candidates = item_weights_candidates(SMALL, N_ITEMS)
        fitted = list(fit_each(taken, vectors, candidates))
        assert len(fitted) == 6
        assert calls == [{"kernel": 60.0, "ridge": 50.0}, {"kernel": 60.0, "ridge": 200.0}]


class TestNeighbourOffsets:
    def test_they_are_shrunk_cosines_projected_on_the_texts(
        self, taken: sp.csr_matrix, vectors: np.ndarray
    ) -> None:
        x = taken.toarray().astype(float)
        gram = x.T @ x
        counts = np.diag(gram).copy()
        np.fill_diagonal(gram, 0)
        weights = gram / np.sqrt(np.outer(counts + 5, counts + 5))
        expected = offsets_towards(
            (weights @ vectors).astype(np.float32), vectors, counts.astype(np.int64), step=0.3
        )
        found = neighbour_offsets(taken, vectors)
        assert found == pytest.approx(expected, abs=1e-4)
        assert not found[N_ITEMS - N_COLD :].any()
