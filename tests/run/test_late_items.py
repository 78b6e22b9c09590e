"""Items that come after training: what they borrow, and what their coming leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from toy_shop import COLD

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run import catalog_updates as updates
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.served_run import ServedRun


def with_copies(served: ServedRun, ids: list[str]) -> ServedRun:
    """Return the run with an exact copy of each item, under another id."""
    rows = served.bundle.catalog.rows_of(ids)
    items = served.bundle.catalog.frame.iloc[rows].reset_index(drop=True)
    items = items.assign(item_id=[f"copy of {item}" for item in ids])
    return updates.added(served, pd.DataFrame(items), served.index.vectors(rows))


def logits(served: ServedRun, histories: Histories, rows: np.ndarray) -> np.ndarray:
    ranking = RankingPipeline(served.bundle, served.index)
    asked = np.tile(rows, (len(histories), 1))
    return ranking.logits(ranking.user_state(histories), asked)


@pytest.fixture
def served(retriever: Retriever) -> ServedRun:
    """The toy shop as it is served."""
    assert retriever.served.bundle.relevance.of_unknown is not None
    return retriever.served


@pytest.fixture
def histories(served: ServedRun) -> Histories:
    """One fan of every niche, known by two of its items."""
    return Histories.from_lists([[5 * niche, 5 * niche + 1] for niche in range(12)])


class TestLateItems:
    def test_a_copy_of_a_cold_item_is_judged_as_the_cold_item_is(
        self, served: ServedRun, histories: Histories
    ) -> None:
        later = with_copies(served, COLD)
        originals = later.bundle.catalog.rows_of(COLD)
        copies = later.bundle.catalog.rows_of(f"copy of {item}" for item in COLD)
        assert logits(later, histories, copies) == pytest.approx(
            logits(later, histories, originals), abs=1e-4
        )

    def test_what_nobody_takes_moves_the_relevance_of_no_known_item(
        self, served: ServedRun, histories: Histories
    ) -> None:
        known = np.flatnonzero(served.bundle.evidence_models.known)
        later = with_copies(served, [*COLD, *map(str, served.bundle.catalog.item_ids[:9])])
        before, after = (logits(run, histories, known) for run in (served, later))
        assert before.tobytes() == after.tobytes()

    def test_a_late_item_borrows_from_its_nearest_known_texts(self, served: ServedRun) -> None:
        twin = str(served.bundle.catalog.item_ids[7])
        later = with_copies(served, [twin]).bundle
        row, copy = later.catalog.rows_of([twin, f"copy of {twin}"])
        matrix = later.evidence_models.item_weights["closed_form"].matrix.toarray()
        others = np.setdiff1d(np.arange(60), [row])
        assert matrix[copy].any()
        # The twin has the largest share by far.
        like = np.corrcoef(matrix[copy, others], matrix[row, others])[0, 1]
        assert like > 0.5

    def test_what_its_words_say_of_behaviour_is_its_own(self, served: ServedRun) -> None:
        """A copy of an item that nobody took has the numbers of its original, not a neighbour's."""
        later = with_copies(served, COLD).bundle
        rows = later.catalog.rows_of(COLD)
        copies = later.catalog.rows_of(f"copy of {item}" for item in COLD)
        known = np.flatnonzero(served.bundle.evidence_models.known)
        matrix = later.evidence_models.item_weights["co_taken_by_text"].matrix.toarray()
        assert matrix[np.ix_(known, copies)].any()
        np.testing.assert_allclose(
            matrix[np.ix_(known, copies)], matrix[np.ix_(known, rows)], atol=1e-5
        )
        np.testing.assert_allclose(
            matrix[np.ix_(copies, known)], matrix[np.ix_(rows, known)], atol=1e-5
        )

    def test_a_history_of_late_items_alone_has_evidence(self, served: ServedRun) -> None:
        later = with_copies(served, [str(served.bundle.catalog.item_ids[0])])
        ranking = RankingPipeline(later.bundle, later.index)
        state = ranking.user_state(Histories.from_lists([[60]]))
        assert len(state.history_scores["closed_form"].rows)

    def test_a_run_of_before_gives_late_items_nothing(self, served: ServedRun) -> None:
        def blank(bundle: Bundle) -> Bundle:
            return replace(bundle, evidence_models=replace(bundle.evidence_models, known=None))

        old = replace(served, trained=blank(served.trained), bundle=blank(served.bundle))
        later = with_copies(old, COLD).bundle
        for weights in later.evidence_models.item_weights.values():
            assert not weights.matrix[60:].nnz
            assert not weights.matrix[:, 60:].nnz


class TestColdItems:
    def test_cold_items_are_shown_though_no_validation_target_is_cold(
        self, retriever: Retriever
    ) -> None:
        fans = [f"{item.split('-')[1]}-fan-0" for item in COLD]
        shown = retriever.recommend(users=fans, k=10, pool="tail", debias=0.0)
        lists = shown.groupby("user_id")["item_id"].agg(set)
        for fan, item in zip(fans, COLD, strict=True):
            assert item in lists[fan]
