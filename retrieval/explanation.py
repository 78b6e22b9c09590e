"""Why an item was recommended: which past items carry its score, and what debiasing moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.interactions import Histories
from retrieval.popularity import Pool
from retrieval.ranking import Ranking, Taste

# A rank before debiasing is looked for this far down; beyond, it is reported as unknown.
DEEPEST_BASE_RANK = 10_000


@dataclass(frozen=True)
class Reason:
    """A past item and how much cosine the candidate would lose without it."""

    row: int
    contribution: float


def reasons(
    ranking: Ranking, history: NDArray[np.int32], candidates: NDArray[np.int64], most: int = 3
) -> list[list[Reason]]:
    """Return, for each candidate, the past items that carry its score, strongest first.

    Each past item is left out once and the user tower asked again (occlusion, Zeiler and
    Fergus, 2014): whatever the tower, the loss of cosine is what the item contributed. Items
    that contributed nothing, or pulled the other way, are left out; so is all of a history of
    one item except that item.
    """
    recent = history[-ranking.bundle.user_tower.max_history :]
    vectors = ranking.index.vectors(candidates)
    if len(recent) == 1:
        whole = ranking.taste(Histories.from_lists([recent])).vectors[0]
        return [[Reason(int(recent[0]), float(c))] for c in vectors @ whole]
    without = [np.delete(recent, i) for i in range(len(recent))]
    tastes = ranking.taste(Histories.from_lists([recent, *without])).vectors
    lost = vectors @ tastes[0] - tastes[1:] @ vectors.T
    found = []
    for column in lost.T:
        strongest = np.argsort(-column, kind="stable")[:most]
        found.append([Reason(int(recent[i]), float(column[i])) for i in strongest if column[i] > 0])
    return found


def base_ranks(
    ranking: Ranking,
    taste: Taste,
    candidates: NDArray[np.int64],
    *,
    pool: Pool,
    excluded: Histories | None,
    allowed: NDArray[np.bool_] | None,
) -> list[int | None]:
    """Return the rank each candidate of one user had at debias 0, in the same pool and filter."""
    found = ranking.search(
        taste,
        min(DEEPEST_BASE_RANK, ranking.index.n_items),
        pool=pool,
        debias=0.0,
        excluded=excluded,
        allowed=allowed,
    ).rows[0]
    rank_of = {int(row): rank for rank, row in enumerate(found, 1) if row >= 0}
    return [rank_of.get(int(row)) for row in candidates]
