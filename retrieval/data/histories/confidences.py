"""How often or how much of an item each user took, as confidences."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from longtail.retrieval.data.interactions import Interactions

# Amounts of which a smaller share differs from the median tell next to nothing.
LEAST_SHARE = 0.01


def confidences(log: Interactions, n_items: int) -> sp.csr_matrix | None:
    """Return how surely each user wants what was taken, float32 [n_users, n_items].

    ``log2(1 + amount / median)``, so that 1 is the usual one (Hu, Koren and Volinsky,
    Collaborative Filtering for Implicit Feedback Datasets, 2008, section 4, have the logarithm of
    amounts as confidence). An amount is the sum of the weights (quantity, plays, seconds) of the
    events that took the item; an event without one counts as the median event. None where the
    amounts hardly differ.

    >>> log = Interactions(
    ...     np.array(["u", "v"], object), np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]),
    ...     np.arange(4), has_clock=False,
    ... )
    >>> confidences(log, 2).toarray().astype(float).round(2).tolist()
    [[1.58, 1.0], [0.0, 1.0]]
    """
    taken = log.taken()
    weight = np.ones(len(taken), np.float64)
    if taken.weight is not None:
        known = np.isfinite(taken.weight) & (taken.weight > 0)
        if known.any():
            weight = np.where(known, taken.weight, np.median(taken.weight[known]))
    shape = (len(taken.user_ids), n_items)
    amounts = sp.coo_array((weight, (taken.user, taken.item)), shape=shape).tocsr()
    if not amounts.nnz:
        return None
    usual = np.median(amounts.data)
    if np.mean(amounts.data != usual) < LEAST_SHARE:
        return None
    amounts.data = np.log2(1 + amounts.data / usual)
    return sp.csr_matrix(amounts, dtype=np.float32)
