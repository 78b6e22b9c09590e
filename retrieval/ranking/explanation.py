"""Why an item was recommended: which past items carry its score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.ranking.pipeline import RankingPipeline


def reasons(
    ranking: RankingPipeline,
    history: NDArray[np.int32],
    candidates: NDArray[np.int64],
    most: int = 3,
) -> list[list[int]]:
    """Return, for each candidate, the rows of past items that carry its score, strongest first.

    Each past item is left out once and the engine asked again (occlusion, Zeiler and Fergus,
    2014): whatever it is made of, the loss of score (log-odds of the head; without a head that
    ranks, the cosine) is what the item contributed. Items that
    contributed nothing, or pulled the other way, are left out; of a history of one item, that
    item carries everything.
    """
    recent = history[-ranking.bundle.user_tower.max_history :]
    if len(recent) == 1:
        return [[int(recent[0])] for _ in candidates]
    without = [np.delete(recent, i) for i in range(len(recent))]
    scores = _scores(ranking, [recent, *without], candidates)
    lost = scores[0] - scores[1:]
    carriers = []
    for column in lost.T:
        strongest = np.argsort(-column, kind="stable")[:most]
        carriers.append([int(recent[i]) for i in strongest if column[i] > 0])
    return carriers


def _scores(
    ranking: RankingPipeline, histories: list[NDArray[np.int32]], candidates: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return every candidate's score for every history, float32 [histories, candidates]."""
    user_state = ranking.user_state(Histories.from_lists(histories))
    if ranking.bundle.relevance.ranks:
        return ranking.logits(
            user_state, np.broadcast_to(candidates, (len(histories), len(candidates)))
        )
    return user_state.vectors @ ranking.index.vectors(candidates).T
