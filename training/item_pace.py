"""At which half-lives takings are counted: what ranks validation best."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.clock.item_clock import DAY_S, ItemClock
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity
from longtail.training.validation import mean_ndcg

# Shares of the train part's span that are tried as half-life, and what stands beside the best.
SHARES = tuple(2.0**-power for power in range(10))
SHORTER, LONGER = 0.25, 4.0
LEAST_HALF_LIFE_S = 3_600.0
# Of the best balance: nearer ones differ by chance, and the longest of them counts most events.
WITHIN = 0.05
K = 10


def choose_half_lives(
    train: Interactions,
    valid: Interactions,
    popularity: Popularity,
    *,
    max_users: int,
    seed: int,
) -> tuple[tuple[float, float, float], dict[str, Any]]:
    """Return three half-lives in seconds, ascending, and what was tried.

    The middle one is the longest of those that rank validation nearly best, by the geometric mean
    of NDCG@10 in the whole catalog and in the tail pool: of everybody who took something then,
    known before or not. The others are a quarter and four times as long.
    """
    n_items = len(popularity.counts)
    known = Histories.from_interactions(train)
    taken = valid.taken()
    pairs = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
    owner = np.repeat(np.arange(len(known)), np.diff(known.offsets))
    pairs = np.setdiff1d(pairs, owner.astype(np.int64) * n_items + known.items)
    users = np.unique(pairs // n_items)
    if len(users) > max_users:
        users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
        pairs = pairs[np.isin(pairs // n_items, users)]
    user, item = np.searchsorted(users, pairs // n_items), pairs % n_items
    time = train.taken().time
    span = max(float(time.max() - time.min()), LEAST_HALF_LIFE_S)
    tried: dict[float, float] = {}
    tail = popularity.bucket != HEAD
    histories = known.take(users)
    for share in SHARES:
        half_life = span * share
        if half_life < LEAST_HALF_LIFE_S and tried:
            continue
        rate = ItemClock.of(train, n_items, [half_life]).log_rate
        whole = _mean_ndcg(rate, histories, user, item, np.ones(n_items, bool))
        pool = _mean_ndcg(rate, histories, user, item, tail)
        tried[half_life] = whole if np.isnan(pool) else float(np.sqrt(whole * pool))
    reached = (1 - WITHIN) * max(tried.values())
    best = max(half_life for half_life, balance in tried.items() if balance >= reached)
    half_lives = (best * SHORTER, best, best * LONGER)
    report = {
        "half_life_days": round(best / DAY_S, 4),
        "balance": {f"{h / DAY_S:.3g} days": round(b, 5) for h, b in tried.items()},
    }
    return half_lives, report


def _mean_ndcg(
    rate: NDArray[np.float32],
    histories: Histories,
    user: NDArray[np.int64],
    item: NDArray[np.int64],
    pool: NDArray[np.bool_],
) -> float:
    """Return NDCG@10 of a pool ranked by rate, each user's own items left out; NaN: no target."""
    rows = np.flatnonzero(pool)
    place = np.full(len(rate), len(rate), np.int64)
    place[rows[np.argsort(-rate[rows], kind="stable")]] = np.arange(len(rows))
    ranks = place[item].copy()
    for number in np.unique(user):
        own = np.sort(place[np.unique(histories[number])])
        mine = user == number
        ranks[mine] -= np.searchsorted(own, ranks[mine])
    return mean_ndcg(ranks, user, pool[item], K)
