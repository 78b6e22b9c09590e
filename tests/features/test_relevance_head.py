"""The relevance head: it learns, chooses, is calibrated, and sees no counts it may not see."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_shop import SMALL_HEAD, settings_for, shop_split

from longtail.console.training.training_summary import counts_note
from longtail.evaluation.metrics.calibration import expected_calibration_error
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.clock.future_filter import FutureFilter
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.relevance_head import RelevanceHead, probability
from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.features.scorers.network import Network, NetworkShape
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import Bundle
from longtail.training.head.fit_head import FittedHead, fit_relevance_head
from longtail.training.head.fit_scorers import fit_boosting
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.judging.platt import platt
from longtail.training.head.training_pairs import Pairs, collect_pairs
from longtail.training.train import train_engine


@pytest.fixture
def ranking(retriever: Retriever) -> RankingPipeline:
    """The toy shop's engine."""
    return retriever.ranking


def with_head(
    ranking: RankingPipeline, head: RelevanceHead, counts: np.ndarray | None = None
) -> RankingPipeline:
    """Return the ranking with another head and, if given, other training counts behind it."""
    bundle = replace(ranking.bundle, relevance=head)
    if counts is not None:
        bundle = replace(bundle, popularity=replace(bundle.popularity, counts=counts))
    return replace(ranking, bundle=bundle)


def everybody(n: int) -> Histories:
    """Return n users; each knows two items of one niche, niches taking turns."""
    return Histories.from_lists([[5 * (i % 12), 5 * (i % 12) + 1] for i in range(n)])


def small_head() -> RelevanceHead:
    rng = np.random.default_rng(0)
    evidence = rng.normal(size=(200, 2)).astype(np.float32)
    label = evidence[:, 0] > 0
    network = Network(NetworkShape(2, (4,)))
    network.look_at(evidence)
    trees = fit_boosting(evidence, label, np.ones(200, np.float32), rounds=5, seed=0)
    return RelevanceHead(("cosine", "last_match"), False, (network, trees), 0.7, -1.25)


class TestHead:
    def test_its_logit_is_the_calibrated_mean_of_its_scorers(self) -> None:
        head = small_head()
        evidence = np.random.default_rng(1).normal(size=(3, 4, 2)).astype(np.float32)
        raw = np.mean([s.logits(evidence.reshape(-1, 2)) for s in head.scorers], axis=0)
        assert head.logits(evidence) == pytest.approx(0.7 * raw.reshape(3, 4) - 1.25, abs=1e-6)

    def test_a_saved_head_says_the_same(self, tmp_path: Path) -> None:
        head = small_head()
        head.save(tmp_path / "head")
        again = RelevanceHead.load(tmp_path / "head")
        assert (again.names, again.counts, again.scale, again.shift) == (
            head.names,
            head.counts,
            head.scale,
            head.shift,
        )
        assert [type(scorer) for scorer in again.scorers] == [Network, Boosting]
        evidence = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
        assert again.logits(evidence).tobytes() == head.logits(evidence).tobytes()

    def test_a_head_without_scorers_says_nothing(
        self, ranking: RankingPipeline, tmp_path: Path
    ) -> None:
        RelevanceHead().save(tmp_path / "head")
        head = RelevanceHead.load(tmp_path / "head")
        assert head == RelevanceHead()
        assert not head.ranks
        silent = with_head(ranking, head)
        known = everybody(2)
        assert np.isnan(silent.logits(silent.user_state(known), np.array([[3, 4]] * 2))).all()

    def test_nothing_known_of_a_user_has_no_probability(self, ranking: RankingPipeline) -> None:
        user_state = ranking.user_state(Histories.from_lists([[], [0]]))
        found = probability(ranking.logits(user_state, np.array([[3, 4], [3, -1]])))
        assert np.isnan(found).tolist() == [[True, True], [False, True]]


class TestPlatt:
    def test_it_finds_the_line_that_made_the_labels(self) -> None:
        rng = np.random.default_rng(0)
        logits = rng.normal(0, 2, 40_000).astype(np.float32)
        label = rng.random(40_000) < 1 / (1 + np.exp(-(0.5 * logits - 1.0)))
        scale, shift = platt(logits, label)
        assert (scale, shift) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1.0, abs=0.04))
        mean = probability((scale * logits + shift).astype(np.float32)).mean()
        assert mean == pytest.approx(label.mean(), abs=1e-3)

    def test_it_never_turns_the_ranking_round(self) -> None:
        logits = np.linspace(-2, 2, 50).astype(np.float32)
        assert platt(logits, logits < 0) == (1.0, 0.0)

    @pytest.mark.parametrize("label", [True, False])
    def test_labels_of_one_kind_leave_it_raw_and_say_so(
        self, label: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, logger="longtail.training"):
            assert platt(np.zeros(4, np.float32), np.full(4, label)) == (1.0, 0.0)
        assert "nothing to calibrate on" in caplog.text


class TestFitting:
    settings = SMALL_HEAD.changed(epochs=15)

    def fit(
        self,
        ranking: RankingPipeline,
        n: int = 120,
        *,
        counts: bool = False,
        noise: float = 0.0,
        rejected: Histories | None = None,
        chosen: HeadSettings | None = None,
    ) -> FittedHead:
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
            rejected or Histories.from_lists([[]] * n),
            chosen or self.settings,
            counts=counts,
            seed=0,
        )

    def test_it_learns_what_can_be_told_apart(self, ranking: RankingPipeline) -> None:
        fitted = self.fit(ranking)
        assert fitted.report["auc"] > 0.97
        assert fitted.report["accuracy"] >= fitted.report["base_accuracy"]
        assert fitted.report["seen_users"] == 0.0
        assert 0.0 <= fitted.debias <= 1.0

    def test_its_probabilities_hold_on_users_it_never_saw(self, ranking: RankingPipeline) -> None:
        fitted = self.fit(ranking, noise=0.5)
        report = fitted.report
        assert report["expected_calibration_error"] < 0.05
        assert report["mean_probability"] == pytest.approx(report["positive_share"], abs=0.02)
        known = everybody(36)
        engine = with_head(ranking, fitted.head)
        user_state = engine.user_state(known)
        rows = engine.candidates(user_state, 30, Eligible("all", known))
        rng = np.random.default_rng(9)
        label = np.zeros(rows.shape, bool)
        for i in range(36):
            one = int(rng.integers(0, 60)) if rng.random() < 0.5 else known[i][0] + 2
            label[i] = rows[i] == one
        there = rows >= 0
        found = probability(engine.logits(user_state, rows))[there]
        assert expected_calibration_error(found, label[there]) < 0.05

    @pytest.mark.parametrize("kind", ["mixture", "network", "boosting"])
    def test_a_scorer_asked_for_is_taken_and_repeats(
        self, ranking: RankingPipeline, kind: str
    ) -> None:
        chosen = self.settings.changed(scorer=kind, epochs=2)
        first, again = (self.fit(ranking, n=24, chosen=chosen) for _ in range(2))
        assert first.report["scorer"] == kind
        assert set(first.report["scorers"]) == {kind}
        evidence = np.random.default_rng(0).normal(size=(50, len(first.head.names)))
        evidence = evidence.astype(np.float32)
        assert first.head.logits(evidence).tobytes() == again.head.logits(evidence).tobytes()

    def test_a_count_blind_head_is_blind_to_candidates_counts(
        self, ranking: RankingPipeline
    ) -> None:
        head = self.fit(ranking, n=60, counts=False).head
        known = Histories.from_lists([[0, 1], [30, 31]])
        candidates = np.arange(2, 30, dtype=np.int64).reshape(2, 14)
        changed = ranking.bundle.popularity.counts.copy()
        unseen = np.setdiff1d(np.arange(60), known.items)
        changed[unseen] = np.random.default_rng(1).integers(0, 500, len(unseen))
        found = [
            r.logits(r.user_state(known), candidates)
            for r in (with_head(ranking, head), with_head(ranking, head, changed))
        ]
        assert found[0].tobytes() == found[1].tobytes()

    def test_a_head_that_may_see_counts_uses_them(self, ranking: RankingPipeline) -> None:
        chosen = self.settings.changed(scorer="mixture")
        head = self.fit(ranking, n=60, counts=True, chosen=chosen).head
        assert head.counts
        known = Histories.from_lists([[0, 1]])
        candidates = np.arange(2, 30, dtype=np.int64)[None]
        changed = ranking.bundle.popularity.counts * 50 + 7
        found = [
            r.logits(ranking.user_state(known), candidates)
            for r in (with_head(ranking, head), with_head(ranking, head, changed))
        ]
        assert np.abs(found[0] - found[1]).max() > 1e-4

    def test_being_shown_and_rejected_lowers_the_probability(
        self, ranking: RankingPipeline
    ) -> None:
        n = 120
        known = everybody(n)
        # As near to the history as what is taken, but of the next niche of the same group.
        rejected = Histories.from_lists([[int(known[i][0] + 7) % 60] for i in range(n)])
        chosen = self.settings.changed(negatives=1)
        rows = rejected.items[:12, None].astype(np.int64)
        found = []
        for shown in (None, rejected):
            head = self.fit(ranking, n, rejected=shown, chosen=chosen).head
            engine = with_head(ranking, replace(head, scale=1.0, shift=0.0))
            user_state = engine.user_state(known.take(np.arange(12)))
            found.append(float(probability(engine.logits(user_state, rows)).mean()))
        assert found[1] < found[0]

    @pytest.mark.parametrize("n", [1, 2, 4])
    def test_few_users_still_give_a_head_and_say_so(self, ranking: RankingPipeline, n: int) -> None:
        fitted = self.fit(ranking, n=n)
        assert fitted.head.ranks
        assert fitted.report["users"] == n
        if n == 1:
            assert fitted.report["seen_users"] == 1.0


class TestChoice:
    def test_trees_win_where_two_numbers_decide_together(
        self, ranking: RankingPipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever has taken a popular thing wants what is far, whoever hasn't what is near."""
        rng = np.random.default_rng(5)

        def planted(user_state: object, rows: np.ndarray, *_: object) -> np.ndarray:
            found = rng.normal(size=(*rows.shape, 2)).astype(np.float32)
            found[..., 1] = np.where(np.arange(len(rows)) % 2, 1.0, -1.0)[:, None]
            return found

        monkeypatch.setattr(RankingPipeline, "feature_names", lambda *_, **__: ("near", "side"))
        monkeypatch.setattr("longtail.retrieval.ranking.pipeline.gather_features", planted)

        def collect(*args: object, **options: object) -> Pairs:
            pairs = collect_pairs(*args, **options)  # type: ignore[arg-type]
            score = pairs.evidence[:, 0] * pairs.evidence[:, 1]
            label = np.zeros(len(score), bool)
            for user in range(pairs.n_users):
                mine = np.flatnonzero(pairs.user == user)
                label[mine[np.argsort(-score[mine])[:3]]] = True
            targets = np.full(pairs.n_users, 3)
            return replace(pairs, label=label, known=label, targets=targets)

        monkeypatch.setattr("longtail.training.head.fit_head.collect_pairs", collect)
        n = 120
        fitted = fit_relevance_head(
            ranking,
            everybody(n),
            Histories.from_lists([[2]] * n),
            Histories.from_lists([[]] * n),
            SMALL_HEAD.changed(rounds=60),
            counts=False,
            seed=0,
        )
        figures = fitted.report["scorers"]
        assert figures["boosting"]["ndcg"] > figures["mixture"]["ndcg"] + 0.2
        assert fitted.report["scorer"] != "mixture"
        assert fitted.report["tests"]["mixture ndcg"]["low"] > 0

    def test_the_tail_weight_that_gains_more_in_the_tail_than_it_costs_is_taken(
        self, ranking: RankingPipeline
    ) -> None:
        """What is reported of every weight names the one that was chosen."""
        n = 60
        rng = np.random.default_rng(2)
        taken = rng.permuted(np.tile(np.arange(len(ranking.bundle.catalog)), (n, 1)), axis=1)
        fitted = fit_relevance_head(
            ranking,
            everybody(n),
            Histories.from_lists(taken[:, :2].tolist()),
            Histories.from_lists([[]] * n),
            SMALL_HEAD.changed(tail_weights=(0.01, 1.0, 50.0), scorer="boosting"),
            counts=False,
            seed=0,
        )
        tried = fitted.report["tail_weights"]
        worth = {w: f["ndcg"] * f["tail_ndcg"] for w, f in tried.items()}
        assert len(set(worth.values())) > 1
        assert worth[f"{fitted.report['tail_weight']:g}"] == max(worth.values())


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
        none = {"epochs": 0}
        head = chosen.relevance.changed(counts=asked, epochs=1)
        bundle: Bundle = train_engine(
            catalog,
            split,
            chosen.changed(history=none, encoder=none, relevance=head),
            tmp_path / "run",
        ).bundle
        assert bundle.relevance.counts is expected
        assert ("log_count" in bundle.relevance.names) is expected
        assert bundle.summary["relevance"]["counts"] is expected

    @pytest.mark.parametrize(("asked", "expected"), [("auto", False), (True, True)])
    def test_auto_leaves_counts_out_where_the_catalog_is_filtered_by_its_future(
        self,
        tiny_bert: Path,
        catalog: Catalog,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        asked: object,
        expected: bool,
    ) -> None:
        found = FutureFilter(True, "the catalog seems filtered by its own future: say no more")
        monkeypatch.setattr(
            "longtail.training.head.head_training.counts_are_honest", lambda *_: found
        )
        chosen = settings_for(tiny_bert)
        none = {"epochs": 0}
        head = chosen.relevance.changed(counts=asked, epochs=1)
        settings = chosen.changed(history=none, encoder=none, relevance=head)
        trained = train_engine(catalog, shop_split(catalog), settings, tmp_path / "run")
        report = trained.bundle.summary["relevance"]
        assert trained.bundle.relevance.counts is expected
        assert report["future_filter"]["suspected"] is True
        note = counts_note(report)
        assert note is not None
        assert "filtered by its own future: say no more" in note
        assert ("auto would leave them out" in note) is expected

    def test_the_closing_screen_is_silent_about_honest_catalogs_and_older_runs(self) -> None:
        assert counts_note({"counts": True}) is None
        assert counts_note({"counts": True, "future_filter": {"suspected": False}}) is None
