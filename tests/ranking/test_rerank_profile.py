"""Lists with the popularity mix of the user's own history."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rerank_toys import BANDS, STRENGTHS, toy_candidates, toy_leaning

from longtail.retrieval.ranking.rerank.popularity_profile import (
    PopularityProfile,
    PopulationProfile,
)
from longtail.retrieval.ranking.rerank.rerank import Rerank, rerank
from longtail.retrieval.ranking.rerank.scored_candidates import PAGE, Candidates

seeds = st.integers(0, 2**32 - 1)


def band_counts(candidates: Candidates, places: np.ndarray) -> np.ndarray:
    assert candidates.bands is not None
    listed = np.take_along_axis(candidates.bands, np.maximum(places, 0), axis=1)
    return np.stack([((listed == b) & (places >= 0)).sum(axis=1) for b in range(BANDS)], axis=1)


def divergence(counts: NDArray[np.int64], profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each list's mix of bands is from the user's profile, in nats, float64 [m].

    Kullback-Leibler ``sum p log(p / q)``, where ``q`` are the list's shares with one imaginary
    item added that is spread like the profile, so that a missing band doesn't make it infinite
    (Steck's smoothing, with alpha = 1 / (n + 1) for n items). 0 means the same mix. ``counts``
    are the list's items in each band, [m, b].
    """
    listed = (counts + profile) / (counts.sum(axis=1, keepdims=True) + 1.0)
    ratio = np.where(profile > 0, profile, 1.0) / np.where(profile > 0, listed, 1.0)
    return np.asarray((profile * np.log(ratio)).sum(axis=1))


@settings(max_examples=80)
@given(seed=seeds, k=st.integers(1, 25), weaker=STRENGTHS, stronger=STRENGTHS)
def test_a_stronger_dial_never_takes_the_list_further_from_the_history(
    seed: int, k: int, weaker: float, stronger: float
) -> None:
    weaker, stronger = sorted((weaker, stronger))
    rng = np.random.default_rng(seed)
    candidates, popularity_profile = toy_candidates(rng), toy_leaning(rng)
    population = PopulationProfile.of(popularity_profile)
    before, after = (
        divergence(
            band_counts(
                candidates,
                rerank(
                    candidates,
                    k,
                    Rerank("profile", debias),
                    popularity_profile=popularity_profile,
                    population=population,
                ).places,
            ),
            population.profile(popularity_profile),
        )
        for debias in (weaker, stronger)
    )
    assert (after <= before + 1e-9).all()


@settings(max_examples=25)
@given(seed=seeds, k=st.integers(1, 5), debias=STRENGTHS)
def test_no_other_choice_of_k_candidates_scores_higher(seed: int, k: int, debias: float) -> None:
    rng = np.random.default_rng(seed)
    candidates, popularity_profile = (
        toy_candidates(rng, users=2, places=9),
        toy_leaning(rng, users=2),
    )
    population = PopulationProfile.of(popularity_profile)
    profile = population.profile(popularity_profile)
    found = rerank(
        candidates,
        k,
        Rerank("profile", debias),
        popularity_profile=popularity_profile,
        population=population,
    )
    for user, present in enumerate(candidates.present()):
        places = np.flatnonzero(present)
        length = min(k, len(places))
        if length < k:
            continue

        def worth(chosen: tuple[int, ...], user: int = user) -> float:
            padded = np.array([chosen] * 2)
            counts = band_counts(candidates, padded)[[user]]
            logits = candidates.logits[user, list(chosen)].astype(float)
            apart = divergence(counts, profile[[user]])[0]
            return float((1 - debias) * logits.sum() - debias * PAGE * apart)

        best = max(worth(chosen) for chosen in combinations(places.tolist(), k))
        assert worth(tuple(found.places[user].tolist())) >= best - 1e-6


def two_bands(n: int = 40) -> Candidates:
    """Two users, the same candidates: the popular half (band 0) is the more relevant one."""
    rows = np.tile(np.arange(n), (2, 1))
    logits = np.tile(np.linspace(2, -2, n), (2, 1)).astype(np.float32)
    bands = np.tile(np.repeat([0, 1], n // 2), (2, 1)).astype(np.int8)
    return Candidates(rows, logits, np.zeros_like(logits), bands)


def test_at_full_strength_a_list_has_the_mix_of_the_history_at_every_length() -> None:
    popularity_profile = PopularityProfile(
        np.array([995, 995]), np.zeros(2), np.array([[0.9, 0.1], [0.2, 0.8]])
    )
    population = PopulationProfile(0.0, 1.0, np.array([0.5, 0.5]))
    how = Rerank("profile", 1.0)
    found = rerank(
        two_bands(), 20, how, popularity_profile=popularity_profile, population=population
    )
    rare = (found.rows >= 20).cumsum(axis=1) / np.arange(1, 21)
    assert rare[:, 9].tolist() == [0.1, 0.8]
    assert rare[:, 19].tolist() == [0.1, 0.8]
    assert found.rows[1, :20][found.rows[1, :20] >= 20].tolist() == list(range(20, 36))


def test_a_user_without_history_gets_the_mix_of_the_average_user() -> None:
    nobody = PopularityProfile(np.zeros(2, np.int64), np.zeros(2), np.zeros((2, 2)))
    population = PopulationProfile(0.0, 1.0, np.array([0.3, 0.7]))
    how = Rerank("profile", 1.0)
    found = rerank(two_bands(), 10, how, popularity_profile=nobody, population=population)
    assert (found.rows >= 20).sum(axis=1).tolist() == [7, 7]


def test_a_band_that_nobody_takes_from_costs_and_gains_nothing() -> None:
    popularity_profile = PopularityProfile(
        np.array([10, 10]), np.zeros(2), np.array([[1.0, 0.0]] * 2)
    )
    population = PopulationProfile(0.0, 1.0, np.array([1.0, 0.0]))
    how = Rerank("profile", 1.0)
    found = rerank(
        two_bands(), 30, how, popularity_profile=popularity_profile, population=population
    )
    assert found.rows[0].tolist() == list(range(30))
    assert divergence(np.array([[3, 0]]), np.array([[1.0, 0.0]])).tolist() == [0.0]
