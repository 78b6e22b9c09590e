"""The relevance head with its calibration fitted on the newest events; its scorers stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.judging.platt import UNSURE, missing_shift, platt
from longtail.training.head.training_pairs import collect_pairs
from longtail.training.learning.newest import Newest

# A head is calibrated again when so much of the log is new to it, on so many taken items: fewer
# would be those of a few people.
DUE_SHARE, FEWEST_TAKEN = 0.05, 200


def recalibrated(
    ranking: RankingPipeline, newest: Newest, head: RelevanceHead, *, seed: int
) -> RelevanceHead:
    """Return the head calibrated on events that ``ranking`` hasn't learned.

    As it is where they are too few, or would turn its ranking round. The head of unknown items
    moves by as much as makes the other one's expectation hold: which of the two is right more
    often stays as training found it.
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
    # A prior head reads a few of the columns.
    names = ranking.feature_names(counts=head.counts)
    evidence = pairs.evidence[:, [names.index(name) for name in head.names]]
    raw = replace(head, scale=1.0, shift=0.0, of_unknown=None).logits(evidence)
    scale, shift = platt(raw, pairs.label)
    if (scale, shift) == UNSURE:
        return head
    of_unknown = head.of_unknown
    if of_unknown is not None:
        more = missing_shift(head.scale * raw + head.shift, pairs.label) or 0.0
        of_unknown = replace(of_unknown, shift=of_unknown.shift + more)
    return replace(head, scale=scale, shift=shift, of_unknown=of_unknown)
