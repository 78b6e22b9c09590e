"""Users with a history and users without one: what is measured of each by itself.

A user without a history is answered by no more than what all of them get, so that a mean over
everybody hides how well histories are read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WITH_HISTORY, WITHOUT_HISTORY = "with_history", "without_history"


def history_parts(lengths: NDArray[np.integer]) -> dict[str, NDArray[np.bool_]]:
    """Return who belongs to each part by the length of their known history, bool [n_users].

    >>> {part: inside.tolist() for part, inside in history_parts(np.array([3, 0])).items()}
    {'with_history': [True, False], 'without_history': [False, True]}
    """
    return {WITH_HISTORY: lengths > 0, WITHOUT_HISTORY: lengths == 0}


def split_metric(metric: str) -> tuple[str, str]:
    """Return the part of the users that a metric is about, "" for all, and what it measures.

    >>> split_metric("without_history_tail_recall"), split_metric("recall")
    (('without_history', 'tail_recall'), ('', 'recall'))
    """
    for part in (WITH_HISTORY, WITHOUT_HISTORY):
        if metric.startswith(f"{part}_"):
            return part, metric.removeprefix(f"{part}_")
    return "", metric
