"""The relevance head: it learns, its probabilities hold, and it sees no counts it may not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_shop import settings_for, shop_split

from evaluation.calibration import expected_calibration_error
from retrieval.bundle import Bundle
from retrieval.catalog import Catalog
from retrieval.interactions import Histories
from retrieval.ranking import Ranking
from retrieval.relevance import RelevanceHead
from retrieval.retriever import Retriever
from training.fit import train_engine
from training.head import HeadSettings, fit_relevance_head
from training.pairs import PairSampling, collect_pairs, thinned

NONE = np.empty(0, np.int32)


@pytest.fixture
def ranking(retriever: Retriever) -> Ranking:
    """The toy shop's towers and index."""
    return retriever.ranking


def with_counts(ranking: Ranking, counts: np.ndarray) -> Ranking:
    """Return the ranking of the same engine with other training counts behind it."""
    bundle = replace(ranking.bundle, popularity=replace(ranking.bundle.popularity, counts=counts))
    return replace(ranking, bundle=bundle)


def everybody(n: int) -> Histories:
    """Return n users; each knows two items of one niche, niches taking turns."""
    return Histories.from_lists([[5 * (i % 12), 5 * (i % 12) + 1] for i in range(n)])


class TestPairs:
    def test_pairs_hold_positives_and_rejected_items_and_no_history(self, ranking: Ranking) -> None:
        known = everybody(6)
        positives = Histories.from_lists([[known[i][0] + 2] for i in range(6)])
        rejected = Histories.from_lists([[59], [58], [], [], [57], []])
        chosen = PairSampling(retrieved=10, popularity_matched=5)
        pairs = collect_pairs(ranking, known, positives, rejected, chosen, np.random.default_rng(0))
        for i in range(6):
            present = pairs.rows[i] >= 0
            rows = pairs.rows[i][present]
            assert len(np.unique(rows)) == len(rows)
            assert not set(rows) & set(known[i])
            assert rows[pairs.label[i][present] == 1].tolist() == positives[i].tolist()
            assert set(rejected[i]) <= set(rows)
            assert not pairs.label[i][~present].any()
            assert not pairs.retrieved[i][~present].any()

    def test_a_positive_that_retrieval_missed_counts_only_beside_real_rejections(
        self, ranking: Ranking
    ) -> None:
        known = everybody(3)
        # Far from all tastes: retrieval of three items a user never finds them.
        positives = Histories.from_lists([[59], [29], [9]])
        rejected = Histories.from_lists([[58], [], []])
        chosen = PairSampling(retrieved=3, popularity_matched=0)
        pairs = collect_pairs(ranking, known, positives, rejected, chosen, np.random.default_rng(0))
        missed = (pairs.label == 1) & ~pairs.retrieved
        assert missed.any(axis=1).tolist() == [True, False, False]
        assert not pairs.label[1:].any()

    def test_thinning_leaves_out_negatives_only(self, ranking: Ranking) -> None:
        known = everybody(8)
        positives = Histories.from_lists(
            [[int(known[i][0]) + 2 + j for j in range(i % 3)] for i in range(8)]
        )
        whole = collect_pairs(
            ranking, known, positives, Histories.from_lists([NONE] * 8),
            PairSampling(retrieved=20, popularity_matched=5), np.random.default_rng(0),
        )  # fmt: skip
        part = thinned(whole, 3, np.random.default_rng(0))
        for i in range(8):
            kept = part.rows[i][part.rows[i] >= 0]
            assert set(kept) <= set(whole.rows[i])
            assert len(np.unique(kept)) == len(kept)
            assert set(part.rows[i][part.label[i] == 1]) == set(positives[i])
            assert len(kept) - len(positives[i]) >= 3
            for row, label, handed in zip(
                part.rows[i], part.label[i], part.retrieved[i], strict=True
            ):
                place = int(np.flatnonzero(whole.rows[i] == row)[0])
                assert (label, handed) == (whole.label[i][place], whole.retrieved[i][place])


class TestFitting:
    settings = HeadSettings(
        retrieved=30, popularity_matched=10, epochs=20, batch_users=16, patience=20
    )

    def fit(
        self, ranking: Ranking, n: int = 240, *, counts: bool = False, noise: float = 0.0
    ) -> tuple[RelevanceHead, dict[str, float]]:
        """Fit on users who take the third item of their niche, or with ``noise`` any item."""
        known = everybody(n)
        rng = np.random.default_rng(0)
        taken = [
            [int(rng.integers(0, 60))] if rng.random() < noise else [int(known[i][0]) + 2]
            for i in range(n)
        ]
        return fit_relevance_head(
            ranking,
            known,
            Histories.from_lists(taken),
            Histories.from_lists([NONE] * n),
            self.settings,
            counts=counts,
            seed=0,
        )

    def test_it_learns_what_can_be_told_apart(self, ranking: Ranking) -> None:
        _, quality = self.fit(ranking)
        assert quality["auc"] > 0.97
        assert quality["accuracy"] > quality["base_accuracy"]
        assert quality["reported_on_unseen_users"] == 1.0

    def test_its_probabilities_hold_on_users_it_never_saw(self, ranking: Ranking) -> None:
        head, quality = self.fit(ranking, noise=0.5)
        assert quality["expected_calibration_error"] < 0.05
        assert quality["mean_probability"] == pytest.approx(quality["positive_share"], abs=0.02)
        known = everybody(36)
        taste = ranking.taste(known)
        fitted = replace(ranking, bundle=replace(ranking.bundle, relevance=head))
        rows = ranking.search(taste, 30, pool="all", debias=0.0, excluded=known).rows
        rng = np.random.default_rng(9)
        label = np.zeros(rows.shape, bool)
        for i in range(36):
            one = int(rng.integers(0, 60)) if rng.random() < 0.5 else known[i][0] + 2
            label[i] = rows[i] == one
        probability = fitted.relevance(taste, rows)
        assert expected_calibration_error(probability.ravel(), label.ravel()) < 0.05

    def test_the_same_seed_gives_the_same_head(self, ranking: Ranking) -> None:
        first, again = (self.fit(ranking, n=60)[0] for _ in range(2))
        weights = first.state_dict()
        assert all(weight.equal(weights[name]) for name, weight in again.state_dict().items())

    def test_a_count_blind_head_is_blind_to_candidates_counts(self, ranking: Ranking) -> None:
        head, _ = self.fit(ranking, n=60, counts=False)
        counts = ranking.bundle.popularity.counts.copy()
        known = Histories.from_lists([[0, 1], [30, 31]])
        candidates = np.arange(2, 30, dtype=np.int64).reshape(2, 14)
        changed = counts.copy()
        unseen = np.setdiff1d(np.arange(60), known.items)
        changed[unseen] = np.random.default_rng(1).integers(0, 500, len(unseen))
        found = [
            replace(r, bundle=replace(r.bundle, relevance=head)).relevance(
                r.taste(known), candidates
            )
            for r in (ranking, with_counts(ranking, changed))
        ]
        assert found[0].tobytes() == found[1].tobytes()

    def test_a_head_that_may_see_counts_uses_them(self, ranking: Ranking) -> None:
        head, _ = self.fit(ranking, n=60, counts=True)
        changed = ranking.bundle.popularity.counts * 50 + 7
        known = Histories.from_lists([[0, 1]])
        candidates = np.arange(2, 30, dtype=np.int64)[None]
        found = [
            replace(r, bundle=replace(r.bundle, relevance=head)).relevance(
                ranking.taste(known), candidates
            )
            for r in (ranking, with_counts(ranking, changed))
        ]
        assert np.abs(found[0] - found[1]).max() > 1e-4

    def test_being_shown_and_rejected_lowers_the_probability(self, ranking: Ranking) -> None:
        n = 120
        known = everybody(n)
        taken = Histories.from_lists([[known[i][0] + 2] for i in range(n)])
        # As near to the history as what is taken, but of the next niche of the same group.
        rejected = Histories.from_lists([[(known[i][0] + 7) % 60] for i in range(n)])
        nothing = Histories.from_lists([NONE] * n)
        chosen = replace(self.settings, retrieved=1, popularity_matched=0)
        rows = rejected.items[:12, None].astype(np.int64)
        found = []
        for shown in (nothing, rejected):
            head, _ = fit_relevance_head(ranking, known, taken, shown, chosen, counts=False, seed=0)
            fitted = replace(ranking, bundle=replace(ranking.bundle, relevance=head))
            taste = ranking.taste(known.take(np.arange(12)))
            found.append(float(fitted.relevance(taste, rows).mean()))
        assert found[1] < found[0] - 0.1

    @pytest.mark.parametrize("n", [1, 2, 4])
    def test_few_users_still_give_a_head_and_say_so(self, ranking: Ranking, n: int) -> None:
        _, quality = self.fit(ranking, n=n)
        assert quality["reported_on_unseen_users"] == float(n >= 4)

    def test_nothing_known_of_a_user_has_no_probability(self, ranking: Ranking) -> None:
        known = Histories.from_lists([[], [0]])
        rows = np.array([[3, 4], [3, -1]])
        found = ranking.relevance(ranking.taste(known), rows)
        assert np.isnan(found).tolist() == [[True, True], [False, True]]


class TestInTraining:
    @pytest.mark.parametrize(
        ("asked", "clock", "expected"),
        [("auto", True, True), ("auto", False, False), (False, True, False), (True, False, True)],
    )
    def test_counts_are_evidence_only_on_logs_with_real_times_unless_asked(
        self,
        tiny_bert: Path,
        catalog: Catalog,
        tmp_path: Path,
        asked: object,
        clock: bool,
        expected: bool,
    ) -> None:
        split = shop_split(catalog)
        split = replace(split, interactions=replace(split.interactions, has_clock=clock))
        chosen = settings_for(tiny_bert)
        none = replace(chosen.history, epochs=0)
        head = replace(chosen.relevance, counts=asked, epochs=2)  # type: ignore[arg-type]
        bundle: Bundle = train_engine(
            catalog,
            split,
            replace(chosen, history=none, encoder=none, relevance=head),
            tmp_path / "run",
        ).bundle
        assert bundle.relevance.shape.counts is expected
        assert bundle.summary["relevance"]["counts"] is expected
