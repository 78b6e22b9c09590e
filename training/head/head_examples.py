"""Users of one moment: what was known of them then, and what they took after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.ranking.pipeline import RankingPipeline

# Past items that a newcomer is known by.
FIRST_ITEMS = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class HeadExamples:
    """Examples of users beside those of the validation cut; all four belong to one moment.

    Attributes:
        ranking: an engine that knows nothing of what came later.
        known: the users' histories then.
        positives: what they took next.
        rejected: what they were shown and refused.
        weight: what each of their pairs counts.
    """

    ranking: RankingPipeline
    known: Histories
    positives: Histories
    rejected: Histories
    weight: float = 1.0


def newcomers(
    ranking: RankingPipeline,
    known: Histories,
    positives: Histories,
    rejected: Histories,
    *,
    seed: int,
    weight: float = 1.0,
) -> HeadExamples:
    """Return everybody who comes after the engine's moment, known by their first items.

    Of the users without a history among ``known`` the first 1 to 10 of ``positives`` are one, as
    many as is drawn for each, and the rest is what they took next. So the head learns what a
    single item says.
    """
    sizes = np.diff(positives.offsets)
    users = np.flatnonzero((np.diff(known.offsets) == 0) & (sizes > 1))
    drawn = np.random.default_rng(seed).choice(FIRST_ITEMS, len(users))
    first = np.minimum(drawn, sizes[users] - 1)
    begins = [
        positives.items[start : start + n]
        for start, n in zip(positives.offsets[users], first, strict=True)
    ]
    rest = [positives[int(user)][n:] for user, n in zip(users, first, strict=True)]
    names = [str(user) for user in known.user_ids[users]]
    return HeadExamples(
        ranking,
        Histories.from_lists(begins, names),
        Histories.from_lists(rest, names),
        rejected.take(users),
        weight,
    )
