"""Items that play unknown: pairs which say what texts and lent evidence are worth.

A log may hold no target that is cold, and then says nothing of items that nobody had taken. Tail
items whose evidence is hidden stand in for them: their targets are known, and all that the head
sees of them is what it would see of an item that came yesterday.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from longtail.index.updates import reassign
from longtail.retrieval.data.popularity import COLD, TAIL, Popularity
from longtail.retrieval.features.lent_evidence import (
    nearest_known,
    with_lent,
    with_lent_offsets,
)
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.head_examples import HeadExamples
from longtail.training.head.training_pairs import Pairs, collect_pairs


def hidden(ranking: RankingPipeline, rows: NDArray[np.int64]) -> RankingPipeline:
    """Return the engine as it would be had nobody taken these items, of which only texts stay.

    What it knows of the others it keeps, so no fit is needed.
    """
    bundle, index = ranking.bundle, ranking.index
    n_items = len(bundle.catalog)
    plays = np.zeros(n_items, bool)
    plays[rows] = True
    popularity = bundle.popularity
    counts = np.where(plays, 0, popularity.counts)
    removed = np.zeros(n_items, bool) if popularity.removed is None else popularity.removed
    bucket = np.where(plays, COLD, popularity.bucket).astype(np.int8)
    blank = Popularity.of_served(counts, bucket, removed, popularity.rule, popularity.scale)
    known = bundle.evidence_models.known
    known = ~plays if known is None else known & ~plays
    donors = nearest_known(index, np.flatnonzero(~known), known)
    clock = bundle.clock and bundle.clock.take(np.where(plays, -1, np.arange(n_items)))
    return RankingPipeline(
        replace(
            bundle,
            popularity=blank,
            evidence_models=with_lent(bundle.evidence_models, donors, n_items),
            user_tower=with_lent_offsets(bundle.user_tower, donors, n_items),
            clock=clock,
        ),
        reassign(index, blank.centred, blank.bucket, refill=False),
    )


def hidden_pairs(
    users: HeadExamples, parts: int, *, counts: bool, seed: int
) -> tuple[Pairs, NDArray[np.int64]]:
    """Return pairs whose items all play unknown, and of each of their users the place in ``users``.

    Every tail item plays once, a ``parts``-th of the tail at a time. Whoever took one of them is
    asked, and of the others as many as make one list a user in all, with the weight of those they
    stand for: so the pairs hold as many that were taken as lists do.
    """
    rng = np.random.default_rng(seed)
    bucket = users.ranking.bundle.popularity.bucket
    tail = rng.permutation(np.flatnonzero(bucket == TAIL))
    owner = np.repeat(np.arange(len(users.known)), np.diff(users.positives.offsets))
    collected, places = [], []
    for part in np.array_split(tail, max(min(parts, len(tail)), 1)):
        plays = np.zeros(len(bucket), bool)
        plays[part] = True
        took = np.zeros(len(users.known), bool)
        took[owner[plays[users.positives.items]]] = True
        others = np.flatnonzero(~took)
        drawn = np.sort(rng.permutation(others)[: -(-len(others) // parts)])
        asked = np.concatenate([np.flatnonzero(took), drawn])
        pairs = collect_pairs(
            hidden(users.ranking, part),
            users.known.take(asked),
            users.positives.take(asked),
            users.rejected.take(asked),
            counts=counts,
            popularity_matched=0,
            rng=rng,
        )
        stands_for = np.ones(len(asked), np.float32)
        stands_for[took.sum() :] = len(others) / max(len(drawn), 1)
        pairs = replace(pairs, weight=stands_for[pairs.user])
        collected.append(pairs.select(plays[pairs.row] & pairs.retrieved))
        places.append(asked)
    return Pairs.joined(collected), np.concatenate(places)
