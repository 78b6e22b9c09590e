"""What has to be found: each test user's items that the user didn't have before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions


@dataclass(frozen=True)
class Targets:
    """The targets of all users that have any, user by user.

    Attributes:
        users: positions in the test log's ``user_ids``, ascending, int64 [n].
        user: position in ``users`` of each target, ascending, int64 [p].
        item: the target's catalog row, int64 [p].
    """

    users: NDArray[np.int64]
    user: NDArray[np.int64]
    item: NDArray[np.int64]

    @classmethod
    def from_test(cls, test: Interactions, known: Histories, n_items: int) -> Targets:
        """Return the items taken in the test part and not before, each once a user.

        Items taken again are no targets: a recommender leaves out what the user already has.

        Raises:
            EvaluationError: histories of other users than the test log's, or no target at all.
        """
        if len(known) != len(test.user_ids) or (known.user_ids != test.user_ids).any():
            raise EvaluationError(
                f"the known histories ({len(known)} users) are not aligned with the test log "
                f"({len(test.user_ids)} users); make both from one interaction log"
            )
        taken = test.taken()
        keys = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
        owner = np.repeat(np.arange(len(known), dtype=np.int64), np.diff(known.offsets))
        keys = np.setdiff1d(keys, owner * n_items + known.items)
        if not len(keys):
            raise EvaluationError(
                f"no test user took an item that is new to them ({len(taken)} test events); "
                "check the split with `longtail data describe`"
            )
        users, user = np.unique(keys // n_items, return_inverse=True)
        return cls(users, user.astype(np.int64), keys % n_items)

    def between(self, start: int, stop: int) -> slice:
        """Return where the targets of ``users[start:stop]`` lie in ``user`` and ``item``."""
        first, last = np.searchsorted(self.user, [start, stop])
        return slice(int(first), int(last))
