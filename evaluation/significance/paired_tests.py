"""Whether a difference between two recommenders is more than luck: paired bootstrap, Holm.

Every recommender answers for the same users, so that the differences are taken user by user. The
users are what chance drew: another draw of users would have given other means, and the bootstrap
measures by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from longtail.evaluation.errors import EvaluationError

Floats = NDArray[np.float64]

RESAMPLES = 10_000
CONFIDENCE = 0.95

# How many counts of a block of resamples are held at a time: 32 MB.
BLOCK_CELLS = 4_000_000

# Per-user values are kept in single precision: what is nearer to zero than this is zero.
ZERO = 1e-9


@dataclass(frozen=True)
class BootstrapResult:
    """One paired comparison a column; every array is [c].

    Attributes:
        users: users with a value on both sides.
        difference: mean difference, NaN without a user.
        low: lower end of the interval.
        high: upper end of the interval.
        p: two-sided probability of a difference like this one if there were none.
    """

    users: NDArray[np.int64]
    difference: Floats
    low: Floats
    high: Floats
    p: Floats


def paired_bootstrap(
    differences: Floats,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> BootstrapResult:
    """Return mean, interval and p of each column of per-user differences, float64 [n_users, c].

    Users with NaN in a column are left out of that column. The interval is the bias-corrected and
    accelerated one (BCa: Efron, Better Bootstrap Confidence Intervals, 1987; Efron and Tibshirani,
    An Introduction to the Bootstrap, 1993, section 14.3); p is the smallest 1 - confidence whose
    interval leaves out 0. No p is below 2 ** (1 - m), m the users whose difference isn't 0:
    exchanging the two recommenders for each of them can't give less, so three users who all agree
    prove nothing.

    Raises:
        EvaluationError: fewer than 100 resamples, or a confidence outside (0, 1).

    >>> gain = np.array([[0.0], [1.0]] * 20 + [[np.nan]])
    >>> found = paired_bootstrap(gain, resamples=2000)
    >>> found.users.tolist(), found.difference.tolist(), bool(found.p[0] < 0.001)
    ([40], [0.5], True)
    """
    if resamples < 100 or not 0 < confidence < 1:
        raise EvaluationError(
            f"{resamples} resamples at confidence {confidence}; give at least 100 resamples and a "
            "confidence between 0 and 1"
        )
    values = np.asarray(differences, dtype=np.float64)
    values = np.where(np.abs(values) < ZERO, 0.0, values)
    n_columns = values.shape[1]
    users = np.zeros(n_columns, np.int64)
    mean, low, high, p = np.full((4, n_columns), np.nan)
    present = ~np.isnan(values)
    # Columns of the same users share their resamples: one draw serves every rival.
    groups: dict[bytes, list[int]] = {}
    for column in range(n_columns):
        groups.setdefault(np.packbits(present[:, column]).tobytes(), []).append(column)
    for columns in groups.values():
        kept = present[:, columns[0]]
        users[columns] = int(kept.sum())
        if not kept.any():
            continue
        distinct = values[kept][:, columns]
        means = _resampled_means(distinct, resamples, np.random.default_rng(seed))
        mean[columns] = distinct.mean(axis=0)
        low[columns], high[columns], p[columns] = _bca(distinct, means, confidence)
    return BootstrapResult(users, mean, low, high, p)


def holm(p: Sequence[float] | Floats) -> Floats:
    """Return p-values corrected for their number, float64 [m]; NaN isn't counted and stays NaN.

    The i-th smallest of m is multiplied by m - i + 1, capped at 1, and never below a smaller one's
    (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979). With all of them below
    a level, the chance of a single false claim among them is below that level.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(4).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    values = np.asarray(p, dtype=np.float64)
    out = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return out


def _resampled_means(values: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the column means of resampled users, float64 [resamples, c].

    Users on whom nobody differs add nothing to a sum, so only how many of a resample do differ is
    drawn for them (binomial), and then which: the same distribution at a fraction of the draws.
    """
    n_users = len(values)
    active = values[(values != 0).any(axis=1)]
    out = np.zeros((resamples, values.shape[1]))
    if not len(active):
        return out
    block = max(1, BLOCK_CELLS // len(active))
    for start in range(0, resamples, block):
        lines = min(block, resamples - start)
        sizes = rng.binomial(n_users, len(active) / n_users, lines)
        # Half the bits are drawn in less than half the time.
        drawn = rng.integers(0, len(active), int(sizes.sum()), dtype=np.uint32).astype(np.int64)
        drawn += np.repeat(np.arange(lines) * len(active), sizes)
        times = np.bincount(drawn, minlength=lines * len(active)).reshape(lines, -1)
        out[start : start + lines] = times.astype(np.float64) @ active
    return out / n_users


def _bca(values: Floats, means: Floats, confidence: float) -> tuple[Floats, Floats, Floats]:
    """Return lower ends, upper ends and p of each column; ``means`` are the resampled ones."""
    resamples, n_columns = means.shape
    mean = values.mean(axis=0)
    ends = 1 / (resamples + 1), resamples / (resamples + 1)
    below = (means < mean - ZERO).mean(axis=0)
    level_with = (np.abs(means - mean) <= ZERO).mean(axis=0)
    bias = ndtri(np.clip(below + 0.5 * level_with, *ends))
    centred = values - mean
    spread = (centred**2).sum(axis=0)
    acceleration = (centred**3).sum(axis=0) / (6 * np.maximum(spread, ZERO) ** 1.5)
    half = ndtri(0.5 + confidence / 2)
    low, high = np.empty((2, n_columns))
    shifted = [bias + sign * half for sign in (-1, 1)]
    levels = [ndtr(bias + s / (1 - acceleration * s)) for s in shifted]
    for column in range(n_columns):
        bounds = np.quantile(means[:, column], [levels[0][column], levels[1][column]])
        low[column], high[column] = bounds
    # The level at which the interval's nearer end is 0: the same formula, solved for it. What
    # falls on 0 counts against the difference.
    against = np.where(mean > 0, (means <= ZERO).mean(axis=0), 1 - (means >= -ZERO).mean(axis=0))
    distance = ndtri(np.clip(against, *ends)) - bias
    one_sided = ndtr(distance / (1 + acceleration * distance) - bias)
    differing = (values != 0).sum(axis=0)
    floor = np.exp2(1.0 - differing)
    p = np.maximum(2 * np.minimum(one_sided, 1 - one_sided), floor)
    return low, high, np.where(mean == 0, 1.0, np.minimum(p, 1.0))
