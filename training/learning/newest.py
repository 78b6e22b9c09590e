"""The newest events of a log: what an engine says of them before it learns them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID, Interactions

# Of the log, and at most as much of what the served engine hasn't seen: the other part of that is
# what the refitted one has learned more.
SHARE, SHARE_OF_UNSEEN = 0.1, 0.5


@dataclass(frozen=True)
class Newest:
    """A log cut at its newest events.

    Attributes:
        log: the whole log; its newest events are the valid part, all others the train part.
        users: who is asked for what they took last, all of whom have other events before,
            int64 [u].
        share: the newest events in all that were taken.
    """

    log: Interactions
    users: NDArray[np.int64]
    share: float

    @property
    def before(self) -> Interactions:
        """All other events."""
        return self.log.select(self.part == TRAIN)

    @property
    def window(self) -> Interactions:
        """The newest events of the users who are asked."""
        return self.log.select((self.part == VALID) & np.isin(self.log.user, self.users))

    @property
    def known(self) -> Histories:
        """What every user of the log had taken before, users as in the log."""
        return Histories.from_interactions(self.before)

    @property
    def rejected(self) -> Histories:
        """What every user was shown and refused, users as in the log."""
        return Histories.of_events(self.before.refused())

    @property
    def part(self) -> NDArray[np.int8]:
        """The valid part's events are the newest ones, int8 [m]."""
        assert self.log.part is not None
        return self.log.part


def newest_events(
    log: Interactions, seen: NDArray[np.bool_] | None, *, max_users: int, seed: int
) -> Newest | None:
    """Return the log cut at its newest events; None without any.

    They are a tenth of the log: the newest by time; in a log without a clock the last of each
    user, as many users as that are. Where some events are ``seen``, bool [m], they are of the
    others, and at most half of those. ``max_users`` users, drawn evenly, are asked.
    """
    rng = np.random.default_rng(seed)
    taken = np.ones(len(log), np.bool_) if log.label is None else log.label == 1
    fresh = np.flatnonzero(taken if seen is None else taken & ~seen)
    most = len(fresh) if seen is None else SHARE_OF_UNSEEN * len(fresh)
    size = int(min(SHARE * int(taken.sum()), most))
    if not size:
        return None
    if log.has_clock:
        # Of events of one moment, such as a day, some: all of them may be all that is new.
        order = np.lexsort((rng.permutation(len(fresh)), log.time[fresh]))
        chosen = np.sort(fresh[order[-size:]])
    else:
        last = np.append(log.user[fresh][1:] != log.user[fresh][:-1], True)
        chosen = np.sort(rng.permutation(fresh[last])[:size])
    part = np.full(len(log), TRAIN, np.int8)
    part[chosen] = VALID
    log = replace(log, part=part)
    has_past = np.bincount(log.select(part == TRAIN).taken().user, minlength=len(log.user_ids)) > 0
    users = np.unique(log.user[chosen]).astype(np.int64)
    users = np.sort(rng.permutation(users[has_past[users]])[:max_users])
    return Newest(log, users, size / int(taken.sum())) if len(users) else None
