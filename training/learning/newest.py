"""The newest events of a log: what an engine says of them before it learns them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories, Interactions

# Of the log, and at most as much of what the served engine hasn't seen: the other part of that is
# what the refitted one has learned more.
SHARE, SHARE_OF_UNSEEN = 0.1, 0.5


@dataclass(frozen=True)
class Newest:
    """A log cut at its newest events.

    Attributes:
        before: all other events.
        window: the newest events, of users who have others before.
        share: events of the window in those of the log.
    """

    before: Interactions
    window: Interactions
    share: float

    @property
    def known(self) -> Histories:
        """What every user of the log had taken before, users as in the log."""
        return Histories.from_interactions(self.before)

    @property
    def rejected(self) -> Histories:
        """What every user was shown and refused, users as in the log."""
        log = self.before.rejected()
        return Histories.from_interactions(replace(log, label=None))


def newest(
    log: Interactions, seen: NDArray[np.bool_], *, max_users: int, seed: int
) -> Newest | None:
    """Return the log cut at the newest events that aren't ``seen``, bool [m]; None without any.

    They are at most a tenth of the log and half of what isn't seen: the newest by time; in a log
    without a clock the last of each user, as many users as that are. ``max_users`` of the users
    (drawn evenly) stay in the window.
    """
    rng = np.random.default_rng(seed)
    taken = np.ones(len(log), np.bool_) if log.label is None else log.label == 1
    fresh = np.flatnonzero(taken & ~seen)
    size = int(min(SHARE * int(taken.sum()), SHARE_OF_UNSEEN * len(fresh)))
    if not size:
        return None
    if log.has_clock:
        time = np.sort(log.time[fresh])
        chosen = fresh[log.time[fresh] >= time[-size]]
    else:
        last = np.append(log.user[fresh][1:] != log.user[fresh][:-1], True)
        chosen = np.sort(rng.permutation(fresh[last])[:size])
    inside = np.zeros(len(log), np.bool_)
    inside[chosen] = True
    before = log.select(~inside)
    has_past = np.bincount(before.taken().user, minlength=len(log.user_ids)) > 0
    users = np.unique(log.user[chosen])
    users = rng.permutation(users[has_past[users]])[:max_users]
    window = log.select(inside & np.isin(log.user, users))
    return Newest(before, window, size / int(taken.sum())) if len(window) else None
