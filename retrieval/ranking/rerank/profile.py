"""Lists whose mix of popular and rare items is the mix of the user's own history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.ranking.rerank.debias import best_first
from longtail.retrieval.ranking.rerank.scored_candidates import PAGE


def profile_scores(
    rows: NDArray[np.int64],
    present: NDArray[np.bool_],
    logits: NDArray[np.float32],
    bands: NDArray[np.int8],
    profile: NDArray[np.float64],
    strength: float,
) -> NDArray[np.float64]:
    """Return scores whose n best are, for each user and each n, the best list there is, [m, c].

    Best is the highest ``(1 - strength) * sum of logits - strength * PAGE * divergence``: Steck's
    calibrated recommendations (2018) over popularity bands in place of genres. On a page of 10
    mean log-odds stand against nats. With ``p`` the user's share of a band, the j-th most
    relevant candidate of that band (j from 0) scores

        (1 - strength) * logit + strength * PAGE * p * log((j + 1 + p) / (j + p))

    The objective is a sum over bands, each concave in the number of items taken, so taking the
    largest gains is exact (Fox 1966, "Discrete optimization via marginal analysis"); and since
    the gains of a band only fall, that is a sort. Hence raising the strength never raises the
    divergence of the n best, whatever n.

    >>> rows, bands = np.array([[0, 1, 2, 3]]), np.array([[0, 0, 1, 1]], np.int8)
    >>> logits, profile = np.array([[1.0, 0.8, 0.6, 0.4]], np.float32), np.array([[0.5, 0.5]])
    >>> for strength in (0.0, 0.5):
    ...     score = profile_scores(rows, rows >= 0, logits, bands, profile, strength)
    ...     score.argsort()[:, ::-1][:, :2].tolist()
    [[0, 1]]
    [[0, 2]]
    """
    place = _place_in_band(rows, present, logits, bands, profile.shape[1])
    share = np.take_along_axis(profile, np.where(present, bands, 0).astype(np.int64), axis=1)
    # A band the user takes nothing from gains nothing: 0 log 0 is 0, and stays so here.
    gain = share * np.log1p(1.0 / (place + np.where(share > 0, share, 1.0)))
    return (1.0 - strength) * logits.astype(np.float64) + strength * PAGE * gain


def _place_in_band(
    rows: NDArray[np.int64],
    present: NDArray[np.bool_],
    logits: NDArray[np.float32],
    bands: NDArray[np.int8],
    n_bands: int,
) -> NDArray[np.int64]:
    """Return how many of the user's candidates of the same band are more relevant, [m, c]."""
    m, c = rows.shape
    order = best_first(rows, present, logits.astype(np.float64), logits)
    # Absent candidates get a band of their own, behind the others.
    band = np.where(present, bands, n_bands).astype(np.int64)
    by_band = np.take_along_axis(
        order, np.argsort(np.take_along_axis(band, order, axis=1), axis=1, kind="stable"), axis=1
    )
    cells = np.arange(m)[:, None] * (n_bands + 1) + band
    sizes = np.bincount(cells.ravel(), minlength=m * (n_bands + 1)).reshape(m, n_bands + 1)
    starts = np.take_along_axis(sizes.cumsum(axis=1) - sizes, band, axis=1)
    position = np.empty((m, c), np.int64)
    np.put_along_axis(position, by_band, np.broadcast_to(np.arange(c), (m, c)), axis=1)
    return position - starts
