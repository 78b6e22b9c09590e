"""A log of the toy shop with a clock: fashions come and go, and newcomers arrive until the end."""

from __future__ import annotations

import numpy as np

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.splits import Split, split

DAYS = 100
DAY_S = 86_400
START = 1_600_000_000
USERS = 160


def dated_log(catalog: Catalog, *, seed: int = 0) -> Interactions:
    """Return the log of 160 users, each of whom comes for some days.

    The item in fashion is another one every ten days, and every second event is of it or of the
    one before; the others are of the user's own niche.
    """
    rng = np.random.default_rng(seed)
    niches = catalog.frame["niche"].to_numpy()
    events = []
    for user in range(USERS):
        own = rng.permutation(np.flatnonzero(niches == rng.choice(np.unique(niches))))
        first = rng.uniform(0, DAYS - 1)
        days = first + np.sort(rng.uniform(0, 12, rng.integers(2, 9)))
        taken: set[int] = set()
        for number, day in enumerate(days[days < DAYS]):
            fashion = 7 * (int(day) // 10 - int(rng.integers(0, 2))) % len(catalog)
            item = int(fashion if rng.random() < 0.5 else own[number % len(own)])
            if item not in taken:
                taken.add(item)
                events.append((user, START + int(day * DAY_S), item))
    events.sort()
    user, time, item = (np.array(column) for column in zip(*events, strict=True))
    names, user = np.unique(user, return_inverse=True)
    return Interactions(
        np.array([f"guest-{name}" for name in names], dtype=object),
        user.astype(np.int32),
        item.astype(np.int32),
        time.astype(np.int64),
        has_clock=True,
    )


def dated_split(catalog: Catalog, *, seed: int = 0) -> Split:
    """Return that log cut by time."""
    return split(dated_log(catalog, seed=seed), "temporal", valid_share=0.2, test_share=0.2)
