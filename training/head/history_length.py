"""How much of a history is worth reading, by what the head makes of it on validation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.history_scores import LAST
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.folds import Folds
from longtail.training.head.head_examples import HeadExamples, with_more
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.judging.ranked_pairs import PairRanks
from longtail.training.head.training_pairs import collect_pairs, evened

# Past items tried; the last stands for whole histories.
WHOLE = 1_000_000
LENGTHS = (LAST, 50, 200, WHOLE)
# A longer history is tried where that share of the validation users has one.
SHARE_OF_USERS = 0.1
# Of NDCG@10: what a longer history must bring to be read.
LEAST_GAIN = 0.01
MOST_USERS = 2_000


@dataclass(frozen=True)
class HistoryLength:
    """How many past items are read; ``report`` says what was tried, empty where nothing was."""

    items: int
    report: dict[str, Any] = field(default_factory=dict)


def lengths_to_try(known: Histories) -> list[int]:
    """Return the lengths that enough of these users can tell apart, the shortest first.

    >>> lengths_to_try(Histories.from_lists([range(30), range(60), range(5)]))
    [20, 50, 200]
    """
    sizes, tried = np.diff(known.offsets), [LAST]
    for length in LENGTHS[1:]:
        if len(sizes) and (sizes > tried[-1]).mean() >= SHARE_OF_USERS:
            tried.append(length)
    return tried


def choose_history_length(
    users: HeadExamples,
    arrived: Sequence[HeadExamples],
    settings: HeadSettings,
    *,
    counts: bool,
    seed: int,
) -> HistoryLength:
    """Return the length with which the head ranks best whom it wasn't fitted on.

    ``users`` are the validation users, ``arrived`` what is learned from beside them. With one
    length to try nothing is measured; a longer one must be better by `LEAST_GAIN`.
    """
    tried = lengths_to_try(users.known)
    if len(tried) == 1:
        return HistoryLength(LAST)
    reached: dict[int, float] = {}
    seconds: dict[int, float] = {}
    for length in tried:
        began = time.monotonic()
        reached[length] = _ndcg(
            reading(users, length),
            [reading(examples, length) for examples in arrived],
            settings,
            counts=counts,
            seed=seed,
        )
        seconds[length] = round(time.monotonic() - began, 1)
    chosen = tried[0]
    for length in tried[1:]:
        if reached[length] > reached[chosen] * (1 + LEAST_GAIN):
            chosen = length
    report = {
        "last": chosen,
        "ndcg": {str(length): round(ndcg, 5) for length, ndcg in reached.items()},
        "seconds": {str(length): spent for length, spent in seconds.items()},
    }
    return HistoryLength(chosen, report)


def reading(examples: HeadExamples, length: int) -> HeadExamples:
    """Return the examples as an engine sees them that reads so many past items."""
    return replace(examples, ranking=reading_ranking(examples.ranking, length))


def reading_ranking(ranking: RankingPipeline, length: int) -> RankingPipeline:
    """Return the engine that reads so many past items."""
    models = replace(ranking.bundle.evidence_models, last=length)
    return replace(ranking, bundle=replace(ranking.bundle, evidence_models=models))


def _ndcg(
    users: HeadExamples,
    arrived: Sequence[HeadExamples],
    settings: HeadSettings,
    *,
    counts: bool,
    seed: int,
) -> float:
    rng = np.random.default_rng(seed)
    order: NDArray[np.int64] = np.sort(rng.permutation(len(users.known))[:MOST_USERS])
    pairs = collect_pairs(
        users.ranking,
        users.known.take(order),
        users.positives.take(order),
        users.rejected.take(order),
        counts=counts,
        popularity_matched=settings.popularity_matched,
        rng=rng,
    )
    fold = rng.integers(0, settings.folds, pairs.n_users)
    people = users.known.user_ids[order]
    pairs, fold = with_more(pairs, fold, people, arrived, settings, counts, rng)
    logits = Folds(evened(pairs), fold, settings, seed).predictions("boosting", 1.0, bags=1)
    return float(np.nanmean(PairRanks(pairs).measures(logits)["ndcg"]))
