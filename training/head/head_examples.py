"""Users of one moment: what was known of them then, and what they took after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.training_pairs import Pairs, collect_pairs

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


def with_more(
    pairs: Pairs,
    fold: NDArray[np.int64],
    people: NDArray[np.object_],
    more: Sequence[HeadExamples],
    settings: HeadSettings,
    counts: bool,
    rng: np.random.Generator,
) -> tuple[Pairs, NDArray[np.int64]]:
    """Return the pairs with those of other moments, and the fold of every user."""
    parts, folds = [pairs], dict(zip(people, fold.tolist(), strict=True))
    more = [examples for examples in more if len(examples.known)]
    for examples in more:
        collected = collect_pairs(
            examples.ranking,
            examples.known,
            examples.positives,
            examples.rejected,
            counts=counts,
            popularity_matched=settings.popularity_matched,
            rng=rng,
        )
        parts.append(replace(collected, weight=collected.weight * np.float32(examples.weight)))
        for person in examples.known.user_ids:
            folds.setdefault(person, int(rng.integers(0, settings.folds)))
    everybody = np.concatenate([people, *(examples.known.user_ids for examples in more)])
    return Pairs.joined(parts), np.array([folds[person] for person in everybody], np.int64)
