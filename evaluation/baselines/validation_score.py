"""How well a fitted method does on the validation part: the number that settings are chosen by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.accuracy import ndcg, target_ranks
from longtail.evaluation.protocol import Baseline
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.evaluation.targets import Targets
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID, Interactions
from longtail.retrieval.data.popularity import Popularity

K = 10
CHUNK_USERS = 512


@dataclass(frozen=True)
class ValidationPart:
    """What is known when the validation part begins, and what has to be found in it.

    Attributes:
        known: the training part's histories, of every user of the log.
        targets: items of the validation part that are new to their users.
        users: positions in ``targets.users`` that count, ascending, int64 [u].
    """

    known: Histories
    targets: Targets
    users: NDArray[np.int64]

    @classmethod
    def of(
        cls, log: Interactions, n_items: int, *, max_users: int, seed: int
    ) -> ValidationPart | None:
        """Return the validation part of a log, at most ``max_users`` of its users drawn evenly.

        None when the log has no validation part, or nobody takes anything new in it.
        """
        if log.part is None:
            return None
        known = Histories.from_interactions(log.select(log.part == TRAIN))
        valid = log.select(log.part == VALID)
        owner = np.repeat(np.arange(len(known)), np.diff(known.offsets))
        taken = valid.taken()
        new = np.isin(
            taken.user.astype(np.int64) * n_items + taken.item,
            owner * n_items + known.items,
            invert=True,
        )
        if not new.any():
            return None
        targets = Targets.from_test(valid, known, n_items)
        users = np.random.default_rng(seed).permutation(len(targets.users))[:max_users]
        return cls(known, targets, users.astype(np.int64))

    def first(self, max_users: int) -> ValidationPart:
        """Return at most ``max_users`` of its users."""
        return replace(self, users=self.users[:max_users])


def validation_ndcg(baseline: Baseline, part: ValidationPart, popularity: Popularity) -> float:
    """Return the mean NDCG@10 over the validation users, whole catalog, debias 0."""
    ranked = ScoreRecommender(baseline, popularity)
    total = 0.0
    for start in range(0, len(part.users), CHUNK_USERS):
        users = part.users[start : start + CHUNK_USERS]
        lists = ranked.answers(part.known.take(part.targets.users[users]), K, ("all",))
        spans = [part.targets.between(int(user), int(user) + 1) for user in users]
        item = np.concatenate([part.targets.item[span] for span in spans])
        user = np.repeat(np.arange(len(users)), [span.stop - span.start for span in spans])
        total += float(ndcg(target_ranks(lists[0.0, "all"], user, item), K).sum())
    return total / len(part.users)
