"""Whether a head has enough to learn from: what half of the users would have taught it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.training.head.training_pairs import Pairs

# Of what a head knows at all: where the second half of the users taught more than this share of
# it, a third would teach more yet.
ENOUGH = 0.05


def share_from_second_half(
    pairs: Pairs,
    fold: NDArray[np.int64],
    fit: Callable[[Pairs], Scorer],
    *,
    seed: int,
) -> float:
    """Return which share of its knowledge a scorer owes to the second half of the users.

    Knowledge is the fall of the log loss on unseen users below that of the base rate. ``fold``
    [n_users] says who is judged by whom. 1 where half of the users teach nothing, 0 where they
    teach all.
    """
    half = np.random.default_rng(seed).permutation(pairs.n_users) < pairs.n_users // 2
    of_pair = fold[pairs.user]
    rate = float(pairs.label.mean()) if len(pairs.label) else 0.0
    known = {"half": 0.0, "whole": 0.0}
    for part in np.unique(fold):
        judged = pairs.select(of_pair == part)
        for name, chosen in (("half", half[pairs.user]), ("whole", np.ones(len(of_pair), bool))):
            learned = pairs.select((of_pair != part) & chosen)
            if not learned.label.any() or learned.label.all():
                continue
            logits = fit(learned).logits(judged.evidence)
            known[name] += _loss(np.full(len(judged.label), _logit(rate)), judged.label)
            known[name] -= _loss(logits, judged.label)
    if known["whole"] <= 0:
        return 1.0
    return float(np.clip(1 - known["half"] / known["whole"], 0.0, 1.0))


def _loss(logits: NDArray[np.floating], label: NDArray[np.bool_]) -> float:
    return float(np.logaddexp(0.0, np.where(label, -logits, logits).astype(np.float64)).sum())


def _logit(rate: float) -> float:
    kept = min(max(rate, 1e-9), 1 - 1e-9)
    return float(np.log(kept / (1 - kept)))
