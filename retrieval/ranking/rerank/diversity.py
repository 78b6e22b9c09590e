"""Lists whose items differ from one another: maximal marginal relevance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.ranking.rerank.scored_candidates import PAGE


def diversified(
    order: NDArray[np.int64],
    scores: NDArray[np.float64],
    vectors: NDArray[np.float32],
    available: NDArray[np.int64],
    k: int,
    diversity: float,
) -> NDArray[np.int64]:
    """Return each user's k candidate places, picked one by one, -1 where none is left, [m, k].

    Maximal marginal relevance (Carbonell & Goldstein 1998): the first pick is the best candidate,
    each next one has the highest

        (1 - diversity) * relevance - diversity * (highest cosine to an item picked before)

    with relevance 1 for the user's best score and 0 for the score at place 10, the last of a
    page; further down it goes on below 0. So above 0.5 a copy of a shown item (cosine 1) loses to
    an unlike one (cosine 0) wherever the two stand on the page; 0 changes nothing. Ties keep the
    order given. From the same picks so far, a higher diversity never picks an item more like
    them.

    Args:
        order: candidate places from best to worst, absent ones last, int64 [m, c].
        scores: by candidate place, float64 [m, c].
        vectors: unit item vectors by candidate place, float32 [m, c, d].
        available: candidates present, int64 [m].

    >>> order, scores = np.array([[0, 1, 2]]), np.array([[3.0, 2.9, 1.0]])
    >>> vectors = np.array([[[1, 0], [1, 0], [0, 1]]], np.float32)
    >>> [diversified(order, scores, vectors, np.array([3]), 3, d).tolist() for d in (0.0, 0.6)]
    [[[0, 1, 2]], [[0, 2, 1]]]
    """
    m, c = order.shape
    users, steps = np.arange(m), min(k, c)
    picks = np.full((m, k), -1, np.int64)
    if steps == 0:
        return picks
    ranked = np.take_along_axis(scores, order, axis=1)
    worth = (1.0 - diversity) * _relevance(ranked, available)
    gone = np.arange(c) >= available[:, None]
    # All pairs at once: m * c * c numbers, but a seventh of the time of a product a step.
    cosines = vectors @ vectors.transpose(0, 2, 1)
    likeness = np.full((m, c), -np.inf, np.float32)
    chosen = np.zeros(m, np.int64)
    for step in range(steps):
        left = step < available
        picked = order[users, chosen]
        picks[left, step] = picked[left]
        gone[users, chosen] = True
        likeness = np.maximum(likeness, cosines[users, picked])
        gain = worth - diversity * np.take_along_axis(likeness, order, axis=1)
        chosen = np.where(gone, -np.inf, gain).argmax(axis=1)
    return picks


def _relevance(ranked: NDArray[np.float64], available: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return scores, best first, on the scale of 1 (the best) to 0 (the last of a page)."""
    best = ranked[:, :1]
    page, end = (
        np.take_along_axis(ranked, np.maximum(places - 1, 0)[:, None], axis=1)
        for places in (np.minimum(available, PAGE), available)
    )
    # A page of equals has no span of its own; then the whole list's is used.
    last = np.where(page < best, page, end)
    return np.where(last < best, (ranked - last) / np.where(last < best, best - last, 1.0), 0.0)
