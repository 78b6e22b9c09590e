"""The popularity dial over candidates: one strength for all, or one for each user."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rerank_toys import BANDS, STRENGTHS, toy_candidates, toy_leaning

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.rerank.debias import user_strength
from longtail.retrieval.ranking.rerank.popularity_profile import (
    FURTHEST,
    PopularityProfile,
    PopulationProfile,
    mass_bands,
)
from longtail.retrieval.ranking.rerank.rerank import MODES, Mode, Rerank, rerank
from longtail.retrieval.ranking.rerank.scored_candidates import Candidates

seeds = st.integers(0, 2**32 - 1)
modes = pytest.mark.parametrize("mode", MODES)


def summed_popularity(candidates: Candidates, places: np.ndarray) -> np.ndarray:
    log_p = np.take_along_axis(candidates.log_p.astype(np.float64), np.maximum(places, 0), axis=1)
    return np.where(places >= 0, log_p, 0.0).sum(axis=1)


@pytest.mark.parametrize("mode", ["fixed", "per-user"])
@settings(max_examples=60)
@given(seed=seeds, k=st.integers(1, 25), weaker=STRENGTHS, stronger=STRENGTHS)
def test_a_stronger_dial_never_makes_a_list_more_popular(
    mode: Mode, seed: int, k: int, weaker: float, stronger: float
) -> None:
    weaker, stronger = sorted((weaker, stronger))
    rng = np.random.default_rng(seed)
    candidates, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    before, after = (
        rerank(
            candidates,
            k,
            Rerank(mode, debias),
            popularity_profile=popularity_profile,
            population=PopulationProfile.of(popularity_profile),
        ).places
        for debias in (weaker, stronger)
    )
    lowered = summed_popularity(candidates, after) - summed_popularity(candidates, before)
    assert (lowered <= 1e-9).all()


@modes
@settings(max_examples=30)
@given(seed=seeds, k=st.integers(1, 25), debias=STRENGTHS, diversity=STRENGTHS)
def test_lists_hold_every_candidate_once_at_most_and_padding_comes_last(
    mode: Mode, seed: int, k: int, debias: float, diversity: float
) -> None:
    rng = np.random.default_rng(seed)
    candidates, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    how = Rerank(mode, debias, diversity)
    found = rerank(
        candidates,
        k,
        how,
        popularity_profile=popularity_profile,
        population=PopulationProfile.of(popularity_profile),
    )
    for user, present in enumerate(candidates.present()):
        length = min(k, int(present.sum()))
        rows = found.rows[user]
        assert (rows[length:] == -1).all()
        assert np.isnan(found.scores[user, length:]).all()
        assert len(set(rows[:length].tolist())) == length
        assert set(rows[:length].tolist()) <= set(candidates.rows[user, present].tolist())
        assert (candidates.rows[user, found.places[user, :length]] == rows[:length]).all()
        if diversity == 0:
            assert (np.diff(found.scores[user, :length]) <= 0).all()


@modes
@settings(max_examples=30)
@given(seed=seeds, debias=STRENGTHS, diversity=STRENGTHS)
def test_the_order_of_candidates_and_the_company_of_other_users_dont_matter(
    mode: Mode, seed: int, debias: float, diversity: float
) -> None:
    rng = np.random.default_rng(seed)
    candidates, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    population, how = PopulationProfile.of(popularity_profile), Rerank(mode, debias, diversity)
    together = rerank(
        candidates, 7, how, popularity_profile=popularity_profile, population=population
    )
    shuffled = rng.permutation(candidates.rows.shape[1])
    for user in range(len(popularity_profile)):
        alone = Candidates(
            *(part[[user]][:, shuffled] for part in vars(candidates).values())  # type: ignore[arg-type]
        )
        one = PopularityProfile(
            popularity_profile.lengths[[user]],
            popularity_profile.log_p[[user]],
            popularity_profile.shares[[user]],
        )
        found = rerank(alone, 7, how, popularity_profile=one, population=population)
        assert found.rows[0].tolist() == together.rows[user].tolist()


@modes
@settings(max_examples=30)
@given(seed=seeds, k=st.integers(1, 24), debias=STRENGTHS, diversity=STRENGTHS)
def test_a_short_list_is_the_beginning_of_a_long_one(
    mode: Mode, seed: int, k: int, debias: float, diversity: float
) -> None:
    rng = np.random.default_rng(seed)
    candidates, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    population, how = PopulationProfile.of(popularity_profile), Rerank(mode, debias, diversity)
    short, long = (
        rerank(
            candidates, length, how, popularity_profile=popularity_profile, population=population
        ).rows
        for length in (k, 25)
    )
    assert np.array_equal(short, long[:, :k])


@modes
def test_without_debias_every_mode_is_the_order_of_relevance(mode: Mode) -> None:
    rng = np.random.default_rng(3)
    candidates, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    found = rerank(
        candidates,
        5,
        Rerank(mode),
        popularity_profile=popularity_profile,
        population=PopulationProfile.of(popularity_profile),
    )
    logits = np.where(candidates.present(), candidates.logits, -np.inf)
    best = -np.sort(-logits, axis=1)[:, :5]
    assert np.array_equal(np.nan_to_num(found.scores, nan=-np.inf), best)


def test_equal_scores_stand_in_the_order_of_catalog_rows() -> None:
    rows = np.array([[8, 2, 5, -1]])
    level = np.zeros((1, 4), np.float32)
    assert rerank(Candidates(rows, level, level), 3, Rerank()).rows.tolist() == [[2, 5, 8]]


@settings(max_examples=100)
@given(
    debias=st.tuples(STRENGTHS, STRENGTHS),
    niche=st.tuples(st.floats(-FURTHEST, FURTHEST), st.floats(-FURTHEST, FURTHEST)),
)
def test_a_users_strength_rises_with_the_dial_and_with_nicheness(
    debias: tuple[float, float], niche: tuple[float, float]
) -> None:
    low, high = (user_strength(pick(debias), np.array([pick(niche)]))[0] for pick in (min, max))
    assert 0.0 <= low <= high <= 1.0


def test_niche_users_get_more_than_the_dial_and_users_of_hits_less() -> None:
    log_p = np.array([1.0, 0.0, -1.0], np.float32)
    bands = np.array([0, 1, 2], np.int8)
    histories = Histories.from_lists([[0] * 10, [1] * 10, [2] * 10, []])
    popularity_profile = PopularityProfile.of(histories, log_p, bands, 3)
    strength = user_strength(
        0.3, PopulationProfile.of(popularity_profile).niche(popularity_profile)
    )
    assert strength[0] < strength[1] < strength[2]
    assert strength[[1, 3]].tolist() == [0.3, 0.3]


def test_a_short_history_moves_the_strength_less_than_a_long_one_of_the_same_kind() -> None:
    popularity_profile = PopularityProfile(np.array([1, 50]), np.full(2, -2.0), np.ones((2, 1)))
    few, many = PopulationProfile(0.0, 1.0, np.ones(1)).niche(popularity_profile)
    assert 0 < few < many


def test_where_all_histories_are_alike_everybody_gets_the_dial() -> None:
    popularity_profile = PopularityProfile(np.array([4, 9]), np.full(2, -2.0), np.ones((2, 1)))
    assert PopulationProfile.of(popularity_profile).niche(popularity_profile).tolist() == [0.0, 0.0]


@settings(max_examples=60)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 10))
def test_bands_run_from_popular_to_rare_and_part_no_equal_counts(
    counts: list[int], n_bands: int
) -> None:
    given_counts = np.array(counts)
    bands = mass_bands(given_counts, n_bands)
    ordered = bands[np.argsort(-given_counts, kind="stable")]
    assert (np.diff(ordered) >= 0).all()
    assert bands.min() >= 0
    assert bands.max() < n_bands
    assert all(len(set(bands[given_counts == count].tolist())) == 1 for count in counts)


def test_bands_hold_about_the_same_number_of_interactions() -> None:
    counts = np.random.default_rng(0).zipf(1.8, 3000).clip(0, 200)
    held = np.bincount(mass_bands(counts, 4), counts, 4) / counts.sum()
    assert np.abs(held - 0.25).max() < 0.1


def test_a_wrong_rerank_is_refused_in_one_line() -> None:
    for wrong, words in (
        ({"mode": "strong"}, "not one of fixed, per-user, profile"),
        ({"debias": 1.5}, "debias is 1.5"),
        ({"diversity": float("nan")}, "diversity is nan"),
    ):
        with pytest.raises(QueryError, match=words) as refusal:
            Rerank(**wrong)  # type: ignore[arg-type]
        assert "\n" not in str(refusal.value)


def test_a_mode_that_misses_what_it_reads_is_refused_in_one_line() -> None:
    rng = np.random.default_rng(0)
    whole, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    population = PopulationProfile.of(popularity_profile)
    bare = Candidates(whole.rows, whole.logits, whole.log_p)
    off = Candidates(whole.rows, whole.logits, whole.log_p, np.full_like(whole.bands, BANDS))
    for candidates, k, how, words in (
        (bare, 5, Rerank(diversity=0.1), "item vectors"),
        (bare, 5, Rerank("profile"), "popularity bands"),
        (off, 5, Rerank("profile"), "cut both with the same bands"),
    ):
        with pytest.raises(QueryError, match=words):
            rerank(candidates, k, how, popularity_profile=popularity_profile, population=population)
    with pytest.raises(QueryError, match="leaning of each"):
        rerank(whole, 5, Rerank("per-user"))
    with pytest.raises(QueryError, match="logits are"):
        Candidates(whole.rows, whole.logits[:, 1:], whole.log_p)


def test_of_users_without_histories_nobody_is_niche_and_no_band_is_more_usual() -> None:
    nobody = PopularityProfile(np.zeros(2, np.int64), np.zeros(2), np.zeros((2, 4)))
    somebody = PopularityProfile(np.array([5]), np.array([-9.0]), np.array([[1.0, 0, 0, 0]]))
    population = PopulationProfile.of(nobody)
    assert population.niche(somebody).tolist() == [0.0]
    assert population.profile(somebody).tolist() == [[0.625, 0.125, 0.125, 0.125]]


def test_no_users_and_no_candidates_have_empty_lists() -> None:
    for m, c in ((0, 4), (2, 0)):
        empty = np.zeros((m, c), np.float32)
        none = Candidates(
            empty.astype(np.int64), empty, empty, empty.astype(np.int8), empty[..., None]
        )
        popularity_profile = PopularityProfile(np.zeros(m, np.int64), np.zeros(m), np.zeros((m, 3)))
        population = PopulationProfile(0.0, 1.0, np.full(3, 1 / 3))
        for mode in MODES:
            found = rerank(
                none,
                3,
                Rerank(mode, 0.5, 0.5),
                popularity_profile=popularity_profile,
                population=population,
            )
            assert found.rows.shape == (m, 3)
            assert (found.rows == -1).all()
