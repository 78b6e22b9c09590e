"""The pairs that the relevance head is fitted on, and how well logits rank them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.evaluation.metrics.accuracy import ndcg, recall, target_ranks
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.features import feature_names
from longtail.retrieval.features.user_state import UserState
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.head.judging.ranked_pairs import PairRanks, balance
from longtail.training.head.training_pairs import Pairs, collect_pairs, evened, thinned


@pytest.fixture
def ranking(retriever: Retriever) -> RankingPipeline:
    """The toy shop's engine."""
    return retriever.ranking


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retrieval that hands over the index's three nearest items and nothing else."""

    def nearest_three(
        ranking: RankingPipeline, user_state: UserState, _: int, eligible: Eligible
    ) -> np.ndarray:
        return np.sort(ranking.search(user_state, 3, eligible, debias=0.0).rows, axis=1)

    monkeypatch.setattr(RankingPipeline, "candidates", nearest_three)


def everybody(n: int) -> Histories:
    """Return n users; each knows two items of one niche, niches taking turns."""
    return Histories.from_lists([[5 * (i % 12), 5 * (i % 12) + 1] for i in range(n)])


def collected(
    ranking: RankingPipeline, known: Histories, positives: list, rejected: list, *, drawn: int = 0
) -> Pairs:
    return collect_pairs(
        ranking,
        known,
        Histories.from_lists(positives),
        Histories.from_lists(rejected),
        counts=False,
        popularity_matched=drawn,
        rng=np.random.default_rng(0),
    )


class TestCollected:
    @pytest.mark.usefixtures("few_candidates")
    def test_pairs_hold_positives_and_rejected_items_and_no_history(
        self, ranking: RankingPipeline
    ) -> None:
        known = everybody(6)
        positives = [[int(known[i][0]) + 2] for i in range(6)]
        rejected: list[list[int]] = [[59], [58], [], [], [57], []]
        pairs = collected(ranking, known, positives, rejected, drawn=5)
        assert (np.diff(pairs.user) >= 0).all()
        assert pairs.targets.tolist() == [1] * 6
        names = feature_names(ranking.bundle.evidence_models, counts=False)
        assert pairs.evidence.shape == (len(pairs.row), len(names))
        for i in range(6):
            mine = pairs.user == i
            rows = pairs.row[mine]
            assert len(np.unique(rows)) == len(rows)
            assert not set(rows) & set(known[i])
            assert set(rows[pairs.label[mine]]) <= set(positives[i])
            assert set(rejected[i]) <= set(rows)
            assert set(rows[pairs.known[mine]]) == (set(positives[i]) | set(rejected[i])) & set(
                rows
            )
            assert pairs.retrieved[mine].sum() == 3

    @pytest.mark.usefixtures("few_candidates")
    def test_a_positive_that_retrieval_missed_counts_only_beside_real_rejections(
        self, ranking: RankingPipeline
    ) -> None:
        # Far from all tastes: retrieval of three items a user never finds them.
        pairs = collected(ranking, everybody(3), [[59], [29], [9]], [[58], [], []])
        missed = pairs.label & ~pairs.retrieved
        assert pairs.user[missed].tolist() == [0]
        assert not pairs.label[pairs.user > 0].any()
        # They still count as not found.
        assert pairs.targets.tolist() == [1, 1, 1]

    def test_users_are_collected_in_batches_without_a_seam(
        self, ranking: RankingPipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = everybody(9)
        positives = [[int(known[i][0]) + 2] for i in range(9)]
        whole = collected(ranking, known, positives, [[]] * 9)
        monkeypatch.setattr("longtail.training.head.training_pairs.USERS_AT_ONCE", 4)
        parts = collected(ranking, known, positives, [[]] * 9)
        for name in ("user", "row", "label", "retrieved", "targets", "tail_targets"):
            assert getattr(parts, name).tolist() == getattr(whole, name).tolist(), name
        assert parts.evidence == pytest.approx(whole.evidence, abs=1e-4)

    def test_somebody_who_has_everything_has_no_pairs(self, ranking: RankingPipeline) -> None:
        pairs = collected(ranking, Histories.from_lists([list(range(60))]), [[1]], [[]])
        assert len(pairs.row) == 0
        assert pairs.targets.tolist() == [0]

    def test_an_item_of_the_history_is_no_target(self, ranking: RankingPipeline) -> None:
        pairs = collected(ranking, Histories.from_lists([[0, 1]]), [[1, 2, 2]], [[]])
        assert pairs.targets.tolist() == [1]
        assert pairs.row[pairs.label].tolist() == [2]


class TestThinned:
    def test_it_leaves_out_guesses_only(self, ranking: RankingPipeline) -> None:
        known = everybody(8)
        positives = [[int(known[i][0]) + 2 + j for j in range(i % 3)] for i in range(8)]
        rejected = [[50] if i == 3 else [] for i in range(8)]
        whole = collected(ranking, known, positives, rejected)
        part = thinned(whole, 3, np.random.default_rng(0))
        for i in range(8):
            mine, before = part.user == i, whole.user == i
            kept = part.row[mine]
            answered = set(whole.row[before & whole.known])
            if not answered:
                assert not len(kept)
                continue
            assert answered <= set(kept)
            assert len(np.unique(kept)) == len(kept)
            assert len(kept) - len(answered) == 3
            for row, label, evidence in zip(
                kept, part.label[mine], part.evidence[mine], strict=True
            ):
                place = int(np.flatnonzero(before & (whole.row == row))[0])
                assert label == whole.label[place]
                assert evidence.tobytes() == whole.evidence[place].tobytes()
        assert part.targets.tolist() == whole.targets.tolist()


def made_up_pairs(rng: np.random.Generator, n_users: int, n_items: int) -> Pairs:
    """Return pairs of some users with some targets that retrieval missed."""
    user, row = np.nonzero(rng.random((n_users, n_items)) < 0.6)
    in_tail = np.arange(n_items) % 2 == 0
    taken = rng.random((n_users, n_items)) < 0.15
    retrieved = rng.random(len(user)) < 0.8
    label = taken[user, row]
    return Pairs(
        np.zeros((len(user), 1), np.float32),
        label,
        user,
        row,
        retrieved,
        label,
        in_tail[row],
        taken.sum(axis=1),
        taken[:, in_tail].sum(axis=1),
        log_p=np.zeros(len(user), np.float32),
        weight=np.ones(len(user), np.float32),
        unknown=np.zeros(len(user), bool),
    )


class TestRanks:
    @settings(max_examples=60)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 40))
    def test_the_figures_are_those_of_the_evaluation(
        self, seed: int, n_users: int, n_items: int
    ) -> None:
        rng = np.random.default_rng(seed)
        pairs = made_up_pairs(rng, n_users, n_items)
        logits = rng.normal(size=len(pairs.user)).astype(np.float32)
        found = PairRanks(pairs).measures(logits)
        answers = np.full((n_users, n_items), -1, np.int64)
        for user in range(n_users):
            mine = np.flatnonzero((pairs.user == user) & pairs.retrieved)
            mine = mine[np.argsort(-logits[mine], kind="stable")]
            answers[user, : len(mine)] = pairs.row[mine]
        # Targets among the pairs, and those that no pair has: rows past the catalog.
        user, item, tail = [], [], []
        for mine in range(n_users):
            rows = pairs.row[(pairs.user == mine) & pairs.label]
            unseen_tail = pairs.tail_targets[mine] - (rows % 2 == 0).sum()
            unseen = pairs.targets[mine] - len(rows)
            user += [mine] * int(pairs.targets[mine])
            item += [*rows, *range(n_items, n_items + unseen)]
            tail += [*(rows % 2 == 0), *([True] * unseen_tail), *([False] * (unseen - unseen_tail))]
        ranks = target_ranks(answers, np.array(user, np.int64), np.array(item, np.int64))
        in_tail = ranks.select(np.array(tail, bool))
        for name, expected in (
            ("ndcg", ndcg(ranks, 10)),
            ("recall", recall(ranks, 10)),
            ("tail_ndcg", ndcg(in_tail, 10)),
            ("tail_recall", recall(in_tail, 10)),
        ):
            np.testing.assert_allclose(found[name], expected, atol=1e-9, err_msg=name)

    def test_without_tail_targets_the_balance_is_the_overall_figure(self) -> None:
        nothing = np.array([np.nan, np.nan])
        assert balance({"ndcg": np.array([0.5, 0.25]), "tail_ndcg": nothing}) == 0.375


def test_a_user_of_many_positives_weighs_as_their_root() -> None:
    pairs = made_up_pairs(np.random.default_rng(3), 6, 60)
    even = evened(pairs)
    positives = np.bincount(pairs.user[pairs.label], minlength=pairs.n_users)
    assert positives.min() > 0
    each = np.array([even.weight[even.user == user].mean() for user in range(6)])
    np.testing.assert_allclose(each * np.sqrt(positives), each[0] * np.sqrt(positives[0]), 1e-5)
    assert even.weight.sum() == pytest.approx(pairs.weight.sum(), rel=1e-5)
    alike = replace(pairs, label=np.zeros(len(pairs.label), bool))
    np.testing.assert_array_equal(evened(alike).weight, pairs.weight)
