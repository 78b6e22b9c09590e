"""Why an item was recommended: which past items carry its score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories, Past
from longtail.retrieval.data.users.user_table import UserValues
from longtail.retrieval.features.evidence_models import LEADING
from longtail.retrieval.ranking.pipeline import RankingPipeline

# Past items of a long history that are left out in turn.
LONGEST_TRIED = 40


def reasons(
    ranking: RankingPipeline,
    past: Past,
    candidates: NDArray[np.int64],
    most: int = 3,
    values: NDArray[np.int32] | None = None,
) -> list[list[int]]:
    """Return, for each candidate, the rows of past items that carry its score, strongest first.

    Each past item is left out once and the engine asked again (occlusion, Zeiler and Fergus,
    2014): whatever it is made of, the loss of score (log-odds of the head; without a head that
    ranks, the cosine) is what the item contributed. Items that
    contributed nothing, or pulled the other way, are left out; of a history of one item, that
    item carries everything. What the columns of the user say, by their ``values``, is the same
    with and without an item, and never a reason.
    """
    # A whole history where it is read as a whole: then what is left out is one of those items
    # that have most in common with the answers.
    whole = ranking.bundle.evidence_models.reads_long_histories
    read = past if whole else _last(past, ranking.bundle.user_tower.max_history)
    items = read.items
    if len(items) == 1:
        return [[int(items[0])] for _ in candidates]
    places = np.arange(len(items))
    if len(items) > LONGEST_TRIED:
        places = _nearest_places(ranking, items, candidates)
    without = [_without(read, place) for place in places]
    own = np.empty(0, np.int32) if values is None else values
    scores = _scores(ranking, [read, *without], candidates, own)
    lost = scores[0] - scores[1:]
    carriers = []
    for column in lost.T:
        strongest = np.argsort(-column, kind="stable")[:most]
        carriers.append([int(items[places[i]]) for i in strongest if column[i] > 0])
    return carriers


def _nearest_places(
    ranking: RankingPipeline, items: NDArray[np.int32], candidates: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the places of `LONGEST_TRIED` past items: the newest, and those most like answers.

    Alike by item-to-item weight or, beside each answer's best by it, by text.
    """
    newest = np.arange(len(items) - LONGEST_TRIED // 4, len(items))
    alike = ranking.vectors.of(items.astype(np.int64)) @ ranking.vectors.of(candidates).T
    weights = ranking.bundle.evidence_models.item_weights.get(LEADING)
    likeness = [alike]
    if weights is not None:
        likeness.append(weights.matrix[items][:, candidates].toarray())
    # Ranks, so that cosines and weights can be compared.
    rank = np.min([(-part).argsort(axis=0).argsort(axis=0) for part in likeness], axis=(0, 2))
    order = np.argsort(rank, kind="stable")
    best = order[~np.isin(order, newest)][: LONGEST_TRIED - len(newest)]
    return np.sort(np.concatenate([best, newest]))


def _last(past: Past, length: int) -> Past:
    times = None if past.times is None else past.times[-length:]
    return Past(past.items[-length:], times, past.beside)


def _without(past: Past, place: np.int64) -> Past:
    times = None if past.times is None else np.delete(past.times, place)
    return Past(np.delete(past.items, place), times, past.beside)


def _scores(
    ranking: RankingPipeline,
    pasts: list[Past],
    candidates: NDArray[np.int64],
    values: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Return every candidate's score for every history, float32 [histories, candidates]."""
    same = UserValues.from_lists([values for _ in pasts])
    user_state = ranking.user_state(Histories.from_pasts(pasts), same)
    if ranking.bundle.relevance.ranks:
        return ranking.logits(
            user_state, np.broadcast_to(candidates, (len(pasts), len(candidates)))
        )
    return user_state.vectors @ ranking.index.vectors(candidates).T
