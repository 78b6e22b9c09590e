"""Calibration of a scorer: from raw log-odds to those that hold."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit

logger = logging.getLogger("longtail.training")

# Scale and shift where labels don't teach any.
UNSURE = (1.0, 0.0)
# Log-odds between which a shift is looked for.
WIDEST_SHIFT = 12.0


def platt(
    logits: NDArray[np.float32],
    label: NDArray[np.bool_],
    weight: NDArray[np.float32] | None = None,
) -> tuple[float, float]:
    """Return scale and shift that make ``sigmoid(scale * logit + shift)`` hold, or `UNSURE`.

    ``weight`` is how many pairs each stands for; None: one each.

    A scale below zero would turn the ranking round: too few labels to trust the fit.
    """
    if not label.any() or label.all():
        logger.warning("relevance head: nothing to calibrate on; its probabilities are raw")
        return UNSURE
    given, sign = logits.astype(np.float64), np.where(label, 1.0, -1.0)

    share = 1.0 if weight is None else weight.astype(np.float64) / float(weight.mean())

    def loss_of(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (line[0] * given + line[1])
        pull = -sign / (1.0 + np.exp(np.clip(margin, -500, 500)))
        loss = np.logaddexp(0.0, -margin)
        if weight is not None:
            pull, loss = pull * share, loss * share
        return float(loss.mean()), np.array([(pull * given).mean(), pull.mean()])

    fitted_line = minimize(loss_of, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    if fitted_line[0] <= 0:
        logger.warning("relevance head: calibration would turn the ranking round; it is left raw")
        return UNSURE
    return float(fitted_line[0]), float(fitted_line[1])


def missing_shift(
    logits: NDArray[np.float32],
    label: NDArray[np.bool_],
    weight: NDArray[np.float32] | None = None,
) -> float | None:
    """Return what makes as many of the pairs expected as were taken; None where nothing does.

    ``weight`` as in `platt`.

    >>> round(missing_shift(np.zeros(4, np.float32), np.array([True, False, False, False])), 2)
    -1.1
    """
    weights = np.ones(len(label)) if weight is None else weight.astype(np.float64)
    taken, given = float(weights[label].sum()), logits.astype(np.float64)
    if taken <= 0 or label.all():
        return None

    def surplus(shift: float) -> float:
        return float((weights * expit(given + shift)).sum()) - taken

    if surplus(-WIDEST_SHIFT) > 0 or surplus(WIDEST_SHIFT) < 0:
        return None
    return float(brentq(surplus, -WIDEST_SHIFT, WIDEST_SHIFT, xtol=1e-4))
