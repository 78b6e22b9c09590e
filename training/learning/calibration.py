"""The relevance head with its calibration fitted on the newest events; its scorers stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.judging.platt import platt
from longtail.training.head.training_pairs import collect_pairs
from longtail.training.learning.newest import Newest

# A head is calibrated again when so much of the log is new to it, on so many taken items: fewer
# would be those of a few people.
DUE_SHARE, FEWEST_TAKEN = 0.05, 200
WIDEST_SHIFT = 12.0


def recalibrated(
    ranking: RankingPipeline, newest: Newest, head: RelevanceHead, *, seed: int
) -> RelevanceHead:
    """Return the head calibrated on events that ``ranking`` hasn't learned.

    As it is where they are too few. The head of unknown items moves by as much as makes the
    other one's expectation hold: which of the two is right more often stays as training found it.
    """
    if not head.ranks:
        return head
    taken = Histories.from_interactions(newest.window)
    users = np.flatnonzero(np.diff(taken.offsets) > 0)
    if not len(users):
        return head
    pairs = collect_pairs(
        ranking,
        newest.known.take(users),
        taken.take(users),
        newest.rejected.take(users),
        counts=head.counts,
        popularity_matched=0,
        rng=np.random.default_rng(seed),
    )
    pairs = pairs.select(pairs.retrieved & ~pairs.unknown)
    if int(pairs.label.sum()) < FEWEST_TAKEN:
        return head
    raw = replace(head, scale=1.0, shift=0.0, of_unknown=None).logits(pairs.evidence)
    scale, shift = platt(raw, pairs.label)
    of_unknown = head.of_unknown
    if of_unknown is not None:
        more = _missing_shift(head.scale * raw + head.shift, pairs.label)
        of_unknown = replace(of_unknown, shift=of_unknown.shift + more)
    return replace(head, scale=scale, shift=shift, of_unknown=of_unknown)


def _missing_shift(logits: NDArray[np.float32], label: NDArray[np.bool_]) -> float:
    """Return what makes log-odds expect as many as were taken."""
    given, taken = logits.astype(np.float64), float(label.sum())

    def surplus(shift: float) -> float:
        return float(expit(given + shift).sum()) - taken

    if surplus(-WIDEST_SHIFT) > 0 or surplus(WIDEST_SHIFT) < 0:
        return 0.0
    return float(brentq(surplus, -WIDEST_SHIFT, WIDEST_SHIFT, xtol=1e-4))
