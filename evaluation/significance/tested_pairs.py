"""Who is compared with whom, and in what: the values of each user on both sides."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.history_parts import WITH_HISTORY, WITHOUT_HISTORY
from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.trade_off import curves, matched

# What the subject is compared in with every other method.
CLAIMED = ("recall", "ndcg", "tail_recall", "cold_recall", "tail_pool_recall")
# And where it is compared for users with a history and users without one, apart.
CLAIMED_BY_HISTORY = ("recall", "ndcg", "tail_recall", "tail_pool_recall")
# Where the table may mark a best.
MARKED = ("recall", "ndcg", "head_recall", "tail_recall", "cold_recall", "tail_pool_recall")

# Subject, rival, metric, and the values of each user under both.
Pair = tuple[str, str, str, NDArray[np.float64], NDArray[np.float64]]


def against_pairs(evaluation: Evaluation, subject: str, rivals: Sequence[str]) -> list[Pair]:
    """Return the subject and each rival in each metric of `CLAIMED`."""
    return [_pair(evaluation, subject, rival, metric) for metric in CLAIMED for rival in rivals]


def best_pairs(evaluation: Evaluation, rows: Sequence[str]) -> list[Pair]:
    """Return the best of each column of `MARKED` and the best of the other methods."""
    pairs: list[Pair] = []
    for metric in MARKED:
        values = {name: evaluation.value(name, metric) for name in rows}
        known = sorted(
            (name for name in rows if not math.isnan(values[name])), key=lambda n: -values[n]
        )
        if not known:
            continue
        family = family_and_debias(known[0])[0]
        second = next((name for name in known if family_and_debias(name)[0] != family), None)
        if second is not None:
            ours, theirs = (evaluation.user_values(name, metric) for name in (known[0], second))
            pairs.append((known[0], second, metric, ours, theirs))
    return pairs


def matched_pairs(evaluation: Evaluation, subject: str, rivals: Sequence[str]) -> list[Pair]:
    """Return tail recall: the subject's curve at each rival's overall recall, and the rival."""
    family = family_and_debias(subject)[0]
    subject_curve = curves(evaluation).get(family, [])
    pairs: list[Pair] = []
    for rival in rivals:
        if family_and_debias(rival)[0] == family:
            continue
        point = matched(subject_curve, evaluation.value(rival, "recall"))
        if point is not None:
            ours = point.user_values(evaluation, "tail_recall")
            theirs = evaluation.user_values(rival, "tail_recall")
            pairs.append((family, rival, "tail_recall", ours, theirs))
    return pairs


def by_history_pairs(evaluation: Evaluation, subject: str, rivals: Sequence[str]) -> list[Pair]:
    """Return the subject and each rival in `CLAIMED_BY_HISTORY`, of each part of the users.

    Nothing where all users are alike. Without a history, rivals that answer for themselves alone.
    """
    if not evaluation.by_history:
        return []
    # Another's lists say nothing about the method whose row they stand in.
    own = [name for name in rivals if evaluation.fallback(family_and_debias(name)[0]) is None]
    return [
        _pair(evaluation, subject, rival, f"{part}_{metric}")
        for part, compared in ((WITH_HISTORY, rivals), (WITHOUT_HISTORY, own))
        for metric in CLAIMED_BY_HISTORY
        for rival in compared
    ]


def _pair(evaluation: Evaluation, subject: str, rival: str, metric: str) -> Pair:
    ours, theirs = (evaluation.user_values(name, metric) for name in (subject, rival))
    return subject, rival, metric, ours, theirs
