"""Candidates in, lists out: which popularity mode, how strong, how diverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.rerank.debias import best_first, debiased_scores, user_strength
from longtail.retrieval.ranking.rerank.diversity import diversified
from longtail.retrieval.ranking.rerank.popularity_profile import (
    PopularityProfile,
    PopulationProfile,
)
from longtail.retrieval.ranking.rerank.profile import profile_scores
from longtail.retrieval.ranking.rerank.scored_candidates import Candidates

Mode = Literal["fixed", "per-user", "profile"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Rerank:
    """How candidates become a list.

    Attributes:
        mode: ``fixed`` (everybody gets the dial as it stands), ``per-user`` (niche users more,
            users of hits less) or ``profile`` (the mix of the user's own history).
        debias: strength of the mode in [0, 1]; 0 is the order of relevance.
        diversity: weight of unlikeness in [0, 1]; 0 changes nothing.

    Raises:
        QueryError: an unknown mode, or a strength outside [0, 1].

    >>> Rerank("per-user", debias=0.3)
    Rerank(mode='per-user', debias=0.3, diversity=0.0)
    """

    mode: Mode = "fixed"
    debias: float = 0.0
    diversity: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise QueryError(Field("mode"), f" {self.mode!r} is not one of {', '.join(MODES)}")
        for name, value in (("debias", self.debias), ("diversity", self.diversity)):
            if not 0.0 <= value <= 1.0:
                raise QueryError(Field(name), f" is {value}; it lies between 0 and 1")


@dataclass(frozen=True)
class Reranked:
    """The lists of m users, k places each, best first; short lists end in -1 and NaN.

    Attributes:
        places: position of each answer among the user's candidates, int64 [m, k].
        rows: catalog rows, int64 [m, k].
        scores: what the mode ranked by, float32 [m, k]; falls along a list unless diversity
            has moved items.
    """

    places: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


def rerank(
    candidates: Candidates,
    k: int,
    setting: Rerank,
    *,
    popularity_profile: PopularityProfile | None = None,
    population: PopulationProfile | None = None,
) -> Reranked:
    """Return each user's k best candidates under a mode, ties by relevance, then by row.

    k only says where the lists are cut: the first 10 of 100 are the list of 10, in every mode.
    ``per-user`` and ``profile`` need the users' leaning and what is typical of all users.

    Raises:
        QueryError: the mode misses what it reads.

    >>> two = Candidates(
    ...     np.array([[4, 9, -1]]),
    ...     np.array([[1.0, 0.5, np.nan]], np.float32),
    ...     np.array([[2.0, -1.0, 0.0]], np.float32),
    ... )
    >>> rerank(two, 3, Rerank("fixed", debias=0.5)).rows.tolist()
    [[9, 4, -1]]
    """
    present = candidates.present()
    scores = _scores(candidates, present, setting, popularity_profile, population)
    order = best_first(candidates.rows, present, scores, candidates.logits)
    available = present.sum(axis=1)
    if setting.diversity > 0:
        if candidates.vectors is None:
            raise QueryError("diversity needs the candidates' item vectors; none were given")
        places = diversified(order, scores, candidates.vectors, available, k, setting.diversity)
    else:
        places = np.full((len(order), k), -1, np.int64)
        width = min(k, order.shape[1])
        inside = np.arange(width) < available[:, None]
        places[:, :width] = np.where(inside, order[:, :width], -1)
    rows = np.full(places.shape, -1, np.int64)
    ranked_scores = np.full(places.shape, np.nan, np.float32)
    user, place = np.nonzero(places >= 0)
    rows[user, place] = candidates.rows[user, places[user, place]]
    ranked_scores[user, place] = scores[user, places[user, place]]
    return Reranked(places, rows, ranked_scores)


def _scores(
    candidates: Candidates,
    present: NDArray[np.bool_],
    setting: Rerank,
    popularity_profile: PopularityProfile | None,
    population: PopulationProfile | None,
) -> NDArray[np.float64]:
    """Return what the mode ranks by, float64 [m, c]; 0 where there is no candidate."""
    logits, log_p = (np.where(present, part, 0) for part in (candidates.logits, candidates.log_p))
    if setting.mode == "fixed":
        return debiased_scores(logits, log_p, setting.debias)
    if popularity_profile is None or population is None or len(popularity_profile) != len(logits):
        raise QueryError(
            f"debias mode {setting.mode} needs the leaning of each of {len(logits)} users and the "
            "audience; use mode fixed without them"
        )
    if setting.mode == "per-user":
        return debiased_scores(
            logits, log_p, user_strength(setting.debias, population.niche(popularity_profile))
        )
    if candidates.bands is None:
        raise QueryError("debias mode profile needs the candidates' popularity bands")
    profile = population.profile(popularity_profile)
    bands = np.where(present, candidates.bands, 0)
    if bands.size and not 0 <= bands.min() <= bands.max() < profile.shape[1]:
        raise QueryError(
            f"popularity bands lie between {bands.min()} and {bands.max()}, but the profiles have "
            f"{profile.shape[1]}; cut both with the same bands"
        )
    return profile_scores(candidates.rows, present, logits, bands, profile, setting.debias)
