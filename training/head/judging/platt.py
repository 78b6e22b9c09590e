"""Calibration of a scorer: from raw log-odds to those that hold."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

logger = logging.getLogger("longtail.training")


def platt(
    logits: NDArray[np.float32],
    label: NDArray[np.bool_],
    weight: NDArray[np.float32] | None = None,
) -> tuple[float, float]:
    """Return scale and shift that make ``sigmoid(scale * logit + shift)`` hold; (1, 0) if unsure.

    ``weight`` is how many pairs each stands for; None: one each.

    A scale below zero would turn the ranking round: too few labels to trust the fit.
    """
    if not label.any() or label.all():
        logger.warning("relevance head: nothing to calibrate on; its probabilities are raw")
        return 1.0, 0.0
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
        return 1.0, 0.0
    return float(fitted_line[0]), float(fitted_line[1])
