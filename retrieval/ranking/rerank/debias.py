"""The popularity dial: one strength for everybody, or one for each user."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def user_strength(debias: float, niche: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each user's strength of the popularity correction, in [0, 1], float64 [m].

    ``niche`` (see `PopulationProfile.niche`) multiplies the odds of the dial:
    ``odds(strength) = odds(debias) * exp(niche)``. The median user gets the dial as it stands;
    0 and 1 mean the same for everybody. Never falls when either argument rises.

    >>> user_strength(0.3, np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [0.136, 0.3, 0.538]
    >>> user_strength(0.0, np.array([3.0])).tolist(), user_strength(1.0, np.array([-3.0])).tolist()
    ([0.0], [1.0])
    """
    return debias / (debias + (1.0 - debias) * np.exp(-niche))


def debiased_scores(
    logits: NDArray[np.float32],
    log_p: NDArray[np.float32],
    strength: float | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return ``logit - strength * log p`` of each user's candidates, float64 [m, c].

    The strength is one number, or one for each user [m]. In double precision, so that rounding
    doesn't make ties that swap when the dial moves.

    >>> logits, log_p = np.array([[1.0, 0.5]], np.float32), np.array([[2.0, 0.0]], np.float32)
    >>> debiased_scores(logits, log_p, 0.5).tolist()
    [[0.0, 0.5]]
    """
    column = np.asarray(strength, np.float64)
    if column.ndim:
        column = column[:, None]
    return logits.astype(np.float64) - column * log_p


def best_first(
    rows: NDArray[np.int64],
    present: NDArray[np.bool_],
    scores: NDArray[np.float64],
    logits: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Return each user's candidate places from best to worst, absent ones last, int64 [m, c].

    Ties go to the more relevant item, then to the lower catalog row, so the order of the
    candidates never shows.

    >>> rows, scores = np.array([[7, 3, -1, 5]]), np.array([[1.0, 1.0, 9.0, 2.0]])
    >>> best_first(rows, rows >= 0, scores, np.zeros((1, 4), np.float32)).tolist()
    [[3, 1, 0, 2]]
    """
    # What NaN at an absent place sorts to doesn't matter: the last key is the first that counts.
    return np.lexsort((rows, -logits, -scores, ~present), axis=-1).astype(np.int64)
