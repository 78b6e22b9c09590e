"""The head of unknown items: what plays unknown, and how often the unknown is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import COLD, HEAD, TAIL
from longtail.retrieval.features.relevance_head import RelevanceHead, probability
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.head.head_examples import HeadExamples
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.training_pairs import Pairs
from longtail.training.head.unknown.fit_unknown import FittedUnknown, fit_unknown_head
from longtail.training.head.unknown.hidden_items import hidden, hidden_pairs

NAMES = ("near", "noise")
SETTINGS = HeadSettings(rounds=30, bags=1)


@pytest.fixture
def ranking(retriever: Retriever) -> RankingPipeline:
    """The toy shop's engine."""
    return retriever.ranking


class TestHidden:
    def test_what_plays_unknown_is_cold_and_without_evidence_of_its_own(
        self, ranking: RankingPipeline
    ) -> None:
        rows = np.flatnonzero(ranking.bundle.popularity.bucket == TAIL)[:3]
        bundle = hidden(ranking, rows).bundle
        assert (bundle.popularity.counts[rows] == 0).all()
        assert (bundle.popularity.bucket[rows] == COLD).all()
        assert bundle.evidence_models.unknown(rows).all()

    def test_its_own_events_say_nothing_of_it(self, ranking: RankingPipeline) -> None:
        [row] = np.flatnonzero(ranking.bundle.popularity.bucket == TAIL)[:1]
        models = ranking.bundle.evidence_models
        weights = models.item_weights["next"]
        spoiled = replace(weights, values=weights.values.copy())
        spoiled.values[weights.columns == row] = 99.0
        spoiled.values[weights.indptr[row] : weights.indptr[row + 1]] = 99.0
        other = replace(
            ranking,
            bundle=replace(
                ranking.bundle,
                evidence_models=replace(
                    models, item_weights={**models.item_weights, "next": spoiled}
                ),
            ),
        )
        found, expected = (
            hidden(r, np.array([row])).bundle.evidence_models.item_weights["next"].matrix
            for r in (other, ranking)
        )
        assert (found != expected).nnz == 0

    def test_the_others_evidence_of_one_another_stays(self, ranking: RankingPipeline) -> None:
        rows = np.flatnonzero(ranking.bundle.popularity.bucket == TAIL)[:3]
        known = ranking.bundle.evidence_models.known
        assert known is not None
        others = np.setdiff1d(np.flatnonzero(known), rows)
        before, after = (
            r.bundle.evidence_models.item_weights["closed_form"].matrix[others][:, others]
            for r in (ranking, hidden(ranking, rows))
        )
        assert (before != after).nnz == 0

    def test_every_pair_is_of_a_tail_item_that_plays_unknown(
        self, ranking: RankingPipeline
    ) -> None:
        bucket = ranking.bundle.popularity.bucket
        tail = np.flatnonzero(bucket == TAIL)
        users = np.arange(12)
        known = Histories.from_lists([[int(tail[i])] for i in users])
        took = Histories.from_lists([[int(tail[i + 1])] for i in users])
        nothing = Histories.from_lists([[] for _ in users])
        pairs, places = hidden_pairs(
            HeadExamples(ranking, known, took, nothing), 3, counts=False, seed=0
        )
        assert pairs.unknown.all()
        assert (bucket[pairs.row] == TAIL).all()
        assert len(places) == pairs.n_users
        # Who took a hidden item stands for nobody else; the others for all that weren't asked.
        taker = np.array([took.items[place] for place in places])
        positive = pairs.label & (pairs.row == taker[pairs.user])
        assert (pairs.weight[positive] == 1.0).all()
        assert pairs.weight.max() > 1.0

    def test_without_a_tail_nothing_plays(self, ranking: RankingPipeline) -> None:
        popularity = ranking.bundle.popularity
        all_head = replace(popularity, bucket=np.full_like(popularity.bucket, HEAD))
        bundle = replace(ranking.bundle, popularity=all_head)
        users = Histories.from_lists([[0], [1]])
        pairs, _ = hidden_pairs(
            HeadExamples(replace(ranking, bundle=bundle), users, users, users),
            5,
            counts=False,
            seed=0,
        )
        assert not len(pairs.label)


def pairs_of(rate: float, n_users: int, seed: int) -> Pairs:
    """Return pairs of which a share is taken, the more likely the nearer they are."""
    rng = np.random.default_rng(seed)
    m = 40 * n_users
    near = rng.normal(size=m)
    odds = np.log(rate / (1 - rate)) + 1.5 * near - 0.9
    label = rng.random(m) < 1 / (1 + np.exp(-odds))
    evidence = np.stack([near, rng.normal(size=m)], axis=1).astype(np.float32)
    ones = np.ones(m, bool)
    nobody = np.zeros(n_users, np.int64)
    return Pairs(
        evidence,
        label,
        np.repeat(np.arange(n_users), 40),
        rng.integers(0, 100, m),
        retrieved=ones,
        known=label,
        in_tail=ones,
        targets=nobody,
        tail_targets=nobody,
        log_p=np.zeros(m, np.float32),
        weight=np.ones(m, np.float32),
        unknown=ones,
    )


def fitted(real: Pairs, playing: Pairs, settings: HeadSettings = SETTINGS) -> FittedUnknown | None:
    rng = np.random.default_rng(0)
    folds = (rng.integers(0, 3, pairs.n_users) for pairs in (real, playing))
    return fit_unknown_head(
        real, next(folds), playing, next(folds), NAMES, settings, counts=False, seed=0
    )


class TestFit:
    def test_a_log_without_a_cold_target_still_gives_cold_items_a_chance(self) -> None:
        real, playing = pairs_of(0.05, 400, 0), pairs_of(0.05, 400, 1)
        real = replace(real, label=np.zeros_like(real.label))
        found = fitted(real, playing)
        assert found is not None
        assert found.report["prior"] == "hidden tail"
        judged = probability(found.head.logits(playing.evidence))
        assert judged.mean() == pytest.approx(playing.label.mean(), rel=0.15)

    def test_cold_items_that_are_taken_more_often_than_the_hidden_tail_say_how_often(self) -> None:
        real, playing = pairs_of(0.15, 400, 0), pairs_of(0.03, 400, 1)
        found = fitted(real, playing)
        assert found is not None
        assert found.report["prior"] == "cold items"
        assert probability(found.logits).mean() == pytest.approx(real.label.mean(), rel=0.05)
        assert found.report["expected_calibration_error"] <= 0.02

    def test_the_nearer_is_the_likelier(self) -> None:
        found = fitted(pairs_of(0.05, 400, 0), pairs_of(0.05, 400, 1))
        assert found is not None
        far, near = found.head.logits(np.array([[-1.5, 0], [1.5, 0]], np.float32))
        assert near > far + 1

    def test_a_bonus_raises_what_is_ranked_and_no_probability(self) -> None:
        real, playing = pairs_of(0.05, 200, 0), pairs_of(0.05, 200, 1)
        plain = fitted(real, playing, SETTINGS.changed(unknown_bonus=0.0))
        raised = fitted(real, playing, SETTINGS.changed(unknown_bonus=0.5))
        assert plain is not None
        assert raised is not None
        assert raised.logits.tobytes() == plain.logits.tobytes()
        head = RelevanceHead(of_unknown=raised.head)
        logits = np.zeros(2, np.float32)
        assert head.ranked(logits, np.array([False, True])).tolist() == [0.0, 0.5]

    def test_too_few_that_were_taken_give_no_head(self) -> None:
        real, playing = pairs_of(0.05, 40, 0), pairs_of(0.05, 40, 1)
        none = np.zeros_like(real.label)
        few = none.copy()
        few[:19] = True
        assert fitted(replace(real, label=none), replace(playing, label=few)) is None

    @pytest.mark.parametrize("taken", [25, 200])
    def test_cold_items_alone_give_a_head_too(self, taken: int) -> None:
        real = pairs_of(0.05, 200, 0)
        label = np.zeros_like(real.label)
        label[np.flatnonzero(real.label)[:taken]] = True
        nothing = real.select(np.zeros_like(label))
        found = fitted(replace(real, label=label), nothing)
        assert found is not None
        assert probability(found.logits).mean() == pytest.approx(label.mean(), rel=0.1)

    def test_weights_say_how_many_pairs_each_stands_for(self) -> None:
        real, playing = pairs_of(0.05, 300, 0), pairs_of(0.05, 300, 1)
        real = replace(real, label=np.zeros_like(real.label))
        # Half as many that weren't taken are seen, with twice the weight.
        seen = playing.label | (np.random.default_rng(3).random(len(playing.label)) < 0.5)
        thin = playing.select(seen)
        thin = replace(thin, weight=np.where(thin.label, 1.0, 2.0).astype(np.float32))
        found = fitted(real, thin)
        assert found is not None
        judged = probability(found.head.logits(playing.evidence))
        assert judged.mean() == pytest.approx(playing.label.mean(), rel=0.15)


class TestTwoHeads:
    def test_known_pairs_are_judged_as_without_unknown_ones(self) -> None:
        found = fitted(pairs_of(0.05, 200, 0), pairs_of(0.05, 200, 1))
        assert found is not None
        scorers = found.head.scorers
        head = RelevanceHead(NAMES, False, scorers, 1.0, -2.0, found.head)
        evidence = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
        unknown = np.zeros((3, 5), bool)
        unknown[:, 2:] = True
        logits = head.logits(evidence, unknown)
        assert logits[~unknown].tobytes() == head.logits(evidence[~unknown]).tobytes()
        assert logits[unknown].tobytes() == found.head.logits(evidence[unknown]).tobytes()

    def test_both_come_back_from_the_disk(self, tmp_path: Path) -> None:
        found = fitted(pairs_of(0.05, 200, 0), pairs_of(0.05, 200, 1))
        assert found is not None
        head = RelevanceHead(NAMES, False, found.head.scorers, 1.0, -2.0, found.head)
        folder = tmp_path / "head"
        head.save(folder)
        again = RelevanceHead.load(folder)
        evidence = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
        unknown = np.arange(6) % 2 == 0
        assert again.logits(evidence, unknown).tobytes() == head.logits(evidence, unknown).tobytes()
