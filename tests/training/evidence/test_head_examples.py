"""Whom the head learns from, whether they are enough, and what may cost something overall."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.head.fit_head import _best_balance
from longtail.training.head.fit_scorers import fit_boosting
from longtail.training.head.head_examples import FIRST_ITEMS, newcomers
from longtail.training.head.history_length import WHOLE, lengths_to_try
from longtail.training.head.learning_curve import ENOUGH, share_from_second_half
from longtail.training.head.training_pairs import Pairs


def measures(ndcg: float, tail: float, users: int = 400) -> dict[str, np.ndarray]:
    """Return figures of users who differ, the same ones in every call."""
    spread = np.random.default_rng(0).normal(0, 0.02, users)
    return {"ndcg": ndcg + spread, "recall": ndcg + spread, "tail_ndcg": tail + 0 * spread}


class TestTheMostProbableItem:
    @pytest.fixture
    def tried(self) -> dict[float, dict[str, np.ndarray]]:
        return {1.0: measures(0.40, 0.05), 2.0: measures(0.39, 0.10), 3.0: measures(0.20, 0.30)}

    def test_what_costs_nothing_significant_overall_may_gain_in_the_tail(self) -> None:
        rng = np.random.default_rng(1)
        near = measures(0.40, 0.10)
        near["ndcg"] = near["ndcg"] + rng.normal(0, 0.2, 400)
        near["recall"] = near["recall"] + rng.normal(0, 0.2, 400)
        assert _best_balance({1.0: measures(0.40, 0.05), 2.0: near}, most_probable=True) == 2.0

    def test_a_gain_in_the_tail_pays_for_no_loss_overall(
        self, tried: dict[float, dict[str, np.ndarray]]
    ) -> None:
        assert _best_balance(tried, most_probable=True) == 1.0

    def test_elsewhere_the_balance_decides(self, tried: dict[float, dict[str, np.ndarray]]) -> None:
        assert _best_balance(tried, most_probable=False) == 3.0


class TestNewcomers:
    @pytest.fixture
    def known(self) -> Histories:
        return Histories.from_lists([[1, 2], [], [], []], ["old", "new", "once", "none"])

    def test_they_are_known_by_their_first_items_and_asked_for_the_rest(
        self, retriever: Retriever, known: Histories
    ) -> None:
        taken = Histories.from_lists([[5], list(range(10, 40)), [7], []], known.user_ids)
        nothing = Histories.from_lists([[]] * 4, known.user_ids)
        found = newcomers(retriever.ranking, known, taken, nothing, seed=0)
        assert found.known.user_ids.tolist() == ["new"]
        assert len(found.known[0]) in FIRST_ITEMS
        assert [*found.known[0], *found.positives[0]] == list(range(10, 40))

    def test_another_seed_draws_other_lengths(self, retriever: Retriever) -> None:
        many = Histories.from_lists([list(range(30))] * 40)
        nothing = Histories.from_lists([[]] * 40)
        lengths = [
            np.diff(
                newcomers(retriever.ranking, nothing, many, nothing, seed=seed).known.offsets
            ).tolist()
            for seed in (0, 0, 1)
        ]
        assert lengths[0] == lengths[1] != lengths[2]
        assert set(lengths[0]) == set(FIRST_ITEMS)


def pairs_of(users: int, seed: int = 0) -> Pairs:
    """Return 40 pairs a user; two of twelve columns say who is taken, with much noise."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), 40)
    evidence = rng.normal(size=(len(user), 12)).astype(np.float32)
    label = rng.random(len(user)) < 1 / (1 + np.exp(2 - 2 * evidence[:, 0] * evidence[:, 1]))
    yes = np.ones(len(user), bool)
    targets = np.bincount(user[label], minlength=users)
    return Pairs(
        evidence=evidence,
        label=label,
        user=user,
        row=np.zeros(len(user), np.int64),
        retrieved=yes,
        known=label,
        in_tail=yes,
        targets=targets,
        tail_targets=targets,
        log_p=np.zeros(len(user), np.float32),
        weight=np.ones(len(user), np.float32),
        unknown=np.zeros(len(user), bool),
    )


def fit(pairs: Pairs) -> Scorer:
    return fit_boosting(pairs.evidence, pairs.label, pairs.weight, rounds=40, seed=0)


def test_few_users_would_teach_more_and_many_have_taught_enough() -> None:
    shares = []
    for users in (24, 1_500):
        fold = np.arange(users) % 3
        shares.append(share_from_second_half(pairs_of(users), fold, fit, seed=0))
    assert shares[0] > ENOUGH > shares[1]


def test_where_nothing_can_be_learned_more_users_are_asked_for() -> None:
    pairs = pairs_of(30)
    rng = np.random.default_rng(5)
    noise = Pairs(**{**vars(pairs), "evidence": rng.normal(size=pairs.evidence.shape)})
    assert share_from_second_half(noise, np.arange(30) % 3, fit, seed=0) == 1.0


def test_lengths_are_tried_where_enough_users_can_tell_them_apart() -> None:
    short = [list(range(5))] * 19
    assert lengths_to_try(Histories.from_lists([*short, range(30)])) == [20]
    assert lengths_to_try(Histories.from_lists([*short[:9], range(30)])) == [20, 50]
    assert lengths_to_try(Histories.from_lists([range(300)] * 3)) == [20, 50, 200, WHOLE]
    assert lengths_to_try(Histories.from_lists([])) == [20]
