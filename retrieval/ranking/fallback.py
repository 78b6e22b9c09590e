"""What they get of whom nothing is known: what is taken lately in the pool, under the dial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.rerank.rerank import Rerank, rerank
from longtail.retrieval.ranking.rerank.scored_candidates import PAGE, Candidates

# Of a list that must suit anybody; a request may want more.
DIVERSITY = 0.1
# Rows that may take one another's place for diversity's sake, beyond those wanted.
SPARE = 5 * PAGE


def taken_lately(
    index: VectorIndex,
    popularity: Popularity,
    clock: ItemClock,
    eligible: Eligible,
    users: NDArray[np.int64],
    k: int,
    setting: Rerank,
    lifts: Sequence[NDArray[np.float32] | None] = (),
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows and scores of users without a history, [len(users), k] each.

    The score is ``log rate - debias * log p``: at 0 what most people take now, at 1 what is taken
    more than it used to be. ``lifts`` [len(users)] are what the columns of each add, float32 [n];
    None, or no lifts at all, where nothing is known. Of nobody is there a taste to lean on, so
    every mode is ``fixed``.
    """
    mask = eligible.mask(popularity)
    rows = np.full((len(users), k), -1, np.int64)
    scores = np.full((len(users), k), np.nan, np.float32)
    fixed = replace(setting, mode="fixed", diversity=max(setting.diversity, DIVERSITY))
    whole = clock.log_rate.astype(np.float64) - setting.debias * popularity.centred
    for line, (user, lift) in enumerate(zip_longest(users, lifts)):
        allowed = mask.copy()
        if eligible.excluded is not None:
            allowed[eligible.excluded[int(user)]] = False
        score = whole if lift is None else whole + lift.astype(np.float64)
        best = _highest(score, allowed, k + SPARE)[None]
        if not best.size:
            continue
        candidates = Candidates(
            best,
            clock.log_rate[best] if lift is None else clock.log_rate[best] + lift[best],
            popularity.centred[best],
            vectors=index.vectors(best[0])[None],
        )
        ranked = rerank(candidates, k, fixed)
        rows[line], scores[line] = ranked.rows[0], ranked.scores[0]
    return rows, scores


def most_popular(
    popularity: Popularity,
    eligible: Eligible,
    user: int,
    k: int,
    lift: NDArray[np.float32] | None = None,
) -> NDArray[np.int64]:
    """Return a user's eligible rows by training count, ties by row: of a log without a clock.

    ``lift`` float32 [n] is what the user's columns add to its log, None where nothing is known.
    """
    mask = eligible.mask(popularity)
    if eligible.excluded is not None:
        mask[eligible.excluded[user]] = False
    rows = np.flatnonzero(mask)
    score = popularity.counts if lift is None else popularity.log_p + lift
    return rows[np.argsort(-score[rows], kind="stable")][:k].astype(np.int64)


def _highest(score: NDArray[np.float64], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """Return the k allowed rows of the highest score, ties by row."""
    rows = np.flatnonzero(allowed)
    if len(rows) > 4 * k:
        # Whatever ties with the last one stays, so that ties go by row.
        least = np.partition(score[rows], len(rows) - k)[len(rows) - k]
        rows = rows[score[rows] >= least]
    return rows[np.argsort(-score[rows], kind="stable")[:k]].astype(np.int64)
