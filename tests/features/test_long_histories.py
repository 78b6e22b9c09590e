"""Whole histories: what is far back is summed, a sitting is a mood, the clock adds its columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.histories.histories import SITTING_GAP_S, Histories, Past
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.features import (
    FROM_CLOCK,
    FROM_COUNTS,
    OF_USER_CLOCK,
    feature_names,
)
from longtail.retrieval.features.history_scores import (
    DECAY,
    LAST,
    SLOW_DECAY,
    HistoryScores,
)
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.ranking import explanation
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever

N_ITEMS = 12
WHOLE = 1_000


def weights_of(seed: int) -> ItemWeights:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(N_ITEMS, N_ITEMS)).astype(np.float32)
    table[rng.random(table.shape) < 0.3] = 0.0
    columns = np.where(table != 0, np.arange(N_ITEMS), -1).astype(np.int32)
    return ItemWeights.from_rows(columns, table)


def at(scores: HistoryScores, values: np.ndarray | None) -> np.ndarray:
    """Return one user's values of all items, 0 where no past item points at them."""
    out = np.zeros(N_ITEMS)
    assert values is not None
    out[scores.rows] = values
    return out


@given(st.integers(0, 9), st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=90))
def test_every_past_item_is_summed_fast_slow_and_without_fading(
    seed: int, history: list[int]
) -> None:
    weights = weights_of(seed)
    scores = HistoryScores.of(weights, Histories.from_lists([history]), last=WHOLE)
    rows = weights.matrix.toarray()[history[::-1]]
    ages = np.arange(len(history))[:, None]
    for values, fade in (
        (scores.recent, DECAY**ages),
        (scores.slow, SLOW_DECAY**ages),
        (scores.flat, 1.0),
    ):
        np.testing.assert_allclose(
            at(scores, values), (fade * rows).sum(axis=0), rtol=1e-3, atol=1e-4
        )


@given(st.integers(0, 9), st.lists(st.integers(0, N_ITEMS - 1), max_size=LAST))
def test_a_short_history_reads_the_same_bits_whichever_length_is_read(
    seed: int, history: list[int]
) -> None:
    weights, histories = weights_of(seed), Histories.from_lists([history])
    short, whole = (HistoryScores.of(weights, histories, last=n) for n in (LAST, WHOLE))
    for name in ("rows", "recent", "flat", "best", "newest", "second", "highest"):
        assert getattr(short, name).tobytes() == getattr(whole, name).tobytes(), name
    assert short.slow is None


def test_a_user_s_numbers_are_the_same_bits_in_any_company() -> None:
    weights = weights_of(1)
    rng = np.random.default_rng(0)
    lists = [rng.integers(0, N_ITEMS, n).tolist() for n in (70, 3, 0, 300)]
    together = HistoryScores.of(weights, Histories.from_lists(lists), last=WHOLE)
    for user, history in enumerate(lists):
        alone = HistoryScores.of(weights, Histories.from_lists([history]), last=WHOLE)
        part = slice(together.starts[user], together.starts[user + 1])
        for name in ("recent", "slow", "sitting", "flat"):
            assert getattr(together, name)[part].tobytes() == getattr(alone, name).tobytes()


def test_a_sitting_is_what_was_taken_with_the_newest_item() -> None:
    weights = weights_of(2)
    apart = SITTING_GAP_S + 1
    times = np.array([0, apart, apart + 60], np.int64)
    histories = replace(Histories.from_lists([[4, 7, 9]]), times=times)
    scores = HistoryScores.of(weights, histories, last=WHOLE)
    rows = weights.matrix.toarray()
    np.testing.assert_allclose(at(scores, scores.sitting), rows[7] + rows[9], atol=1e-6)


def test_a_history_of_a_hundred_thousand_events_is_read_in_full() -> None:
    weights = weights_of(3)
    history = np.random.default_rng(0).integers(0, N_ITEMS, 100_000)
    scores = HistoryScores.of(weights, Histories.from_lists([history, [1]]), last=10**9)
    expected = np.bincount(history, minlength=N_ITEMS) @ weights.matrix.toarray()
    part = slice(scores.starts[0], scores.starts[1])
    found = np.zeros(N_ITEMS)
    found[scores.rows[part]] = scores.flat[part]
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1)
    assert np.isfinite(scores.recent).all()


class TestColumns:
    def test_short_histories_and_logs_without_a_clock_have_the_columns_they_had(self) -> None:
        plain = feature_names(EvidenceModels(), counts=True)
        assert not {*FROM_CLOCK, *OF_USER_CLOCK, "whole_match"} & set(plain)
        assert set(FROM_COUNTS) <= set(plain)

    def test_a_clock_takes_the_place_of_counts(self) -> None:
        names = feature_names(EvidenceModels(last=WHOLE), counts=True, clock=True)
        assert {*FROM_CLOCK, *OF_USER_CLOCK, "whole_match"} <= set(names)
        assert not set(FROM_COUNTS) & set(names)
        blind = feature_names(EvidenceModels(), counts=False, clock=True)
        assert not set(FROM_CLOCK) & set(blind)

    def test_values_are_those_of_the_pair(self, retriever: Retriever) -> None:
        """By hand, for somebody whose last sitting was two half-lives ago."""
        ranking, clock = clocked(retriever)
        unit = int(clock.half_lives[1])
        times = np.array([clock.now - 9 * unit, clock.now - 2 * unit], np.int64)
        state = ranking.user_state(Histories.from_pasts([Past(np.array([1, 2], np.int32), times)]))
        names = feature_names(ranking.bundle.evidence_models, counts=True, clock=True)
        rows = np.array([[0, 5, -1]])
        values = dict(zip(names, ranking.features(state, rows, names)[0].T, strict=True))
        assert values["user_idle"][:2] == pytest.approx(np.log(3))
        assert values["sitting_length"][:2] == pytest.approx(np.log(2))
        assert values["rate_middle"][:2] == pytest.approx(clock.log_rate[[0, 5]])
        assert values["is_unseen"][:2].tolist() == [0.0, 1.0]
        trend = clock.log_rates[0] - clock.log_rates[2]
        assert values["trend"][0] == pytest.approx(trend[0])
        leaning = clock.log_rates[3][[1, 2]].mean()
        assert values["rate_difference"][0] == pytest.approx(clock.log_rates[3][0] - leaning)
        both = ranking.vectors.of(np.array([1, 2])).sum(axis=0)
        cosine = ranking.vectors.of(np.array([0]))[0] @ both / np.linalg.norm(both)
        assert values["whole_match"][0] == pytest.approx(cosine, abs=1e-5)


def clocked(retriever: Retriever) -> tuple[RankingPipeline, ItemClock]:
    """Return the toy shop's engine with a clock, reading whole histories."""
    bundle = retriever.bundle
    log = bundle.log
    some = Interactions(
        log.user_ids, log.user, log.item, log.time, has_clock=True, part=None
    ).select(log.item != 5)
    clock = ItemClock.of(some, len(bundle.catalog), [600.0, 2_400.0, 9_600.0])
    models = replace(bundle.evidence_models, last=WHOLE)
    blank = RelevanceHead(counts=True)
    changed = replace(bundle, clock=clock, evidence_models=models, relevance=blank)
    return RankingPipeline(changed, retriever.ranking.index), clock


def test_what_is_taken_lately_is_among_the_candidates(retriever: Retriever) -> None:
    ranking, clock = clocked(retriever)
    histories = Histories.from_lists([[0, 1]])
    state = ranking.user_state(histories)
    rows = ranking.candidates(state, 5, Eligible("all", histories))[0]
    newest = np.argsort(-clock.log_rate, kind="stable")
    assert set(newest[~np.isin(newest, [0, 1])][:10]) <= set(rows)
    assert not {0, 1} & set(rows)


def test_reasons_of_a_long_history_are_sought_where_they_can_be(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The item that carries the answer lies far back, among many of another kind."""
    monkeypatch.setattr(explanation, "LONGEST_TRIED", 8)
    ids = retriever.bundle.catalog.item_ids
    models = replace(retriever.bundle.evidence_models, last=WHOLE)
    bundle = replace(retriever.bundle, evidence_models=models)
    ranking = RankingPipeline(bundle, retriever.ranking.index)
    tea = [row for row, item in enumerate(ids) if str(item).startswith("tea-sencha")]
    other = [row for row, item in enumerate(ids) if str(item).startswith("tools")]
    past = Past(np.array([tea[0], *other], np.int32))
    answers = np.array(tea[1:3])
    assert 0 in explanation._nearest_places(ranking, past.items, answers)
    because = explanation.reasons(ranking, past, answers)
    assert all(len(carriers) <= 3 for carriers in because)
    assert all(set(carriers) <= set(past.items.tolist()) for carriers in because)
