"""Who took an item, and what else they took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories, Interactions

# Of a hit's audience a sample says as much, and takes no longer than a niche item's.
MOST_USERS = 10_000


@dataclass(frozen=True, eq=False)
class ItemAudiences:
    """The log from the items' side.

    Attributes:
        histories: everybody's, with each item once.
        offsets: the users of item i are ``users[offsets[i]:offsets[i + 1]]``, int64 [n_items + 1].
        users: positions in ``histories``, int32.
    """

    histories: Histories
    offsets: NDArray[np.int64]
    users: NDArray[np.int32]

    @classmethod
    def of(cls, log: Interactions, n_items: int) -> ItemAudiences:
        """Return the audiences of a catalog of ``n_items`` in a log."""
        taken = log.taken()
        pairs = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
        user, item = (pairs // n_items).astype(np.int32), (pairs % n_items).astype(np.int32)
        lengths = np.bincount(user, minlength=len(log.user_ids))
        histories = Histories(
            log.user_ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), item
        )
        order = np.argsort(item, kind="stable")
        sizes = np.bincount(item, minlength=n_items)
        return cls(histories, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), user[order])

    def size(self, row: int) -> int:
        """Return how many users took the item."""
        return int(self.offsets[row + 1] - self.offsets[row])

    def also_took(self, row: int, offered: NDArray[np.bool_], limit: int) -> list[tuple[int, int]]:
        """Return the items whose audience is most like this one's, as (row, users in common).

        Alike is the cosine of the two audiences: a hit that everybody took tells nothing of this
        item. Only ``offered`` rows [n_items] and at least two users in common count, unless the
        item has no more than one user. Of an audience above `MOST_USERS` an even sample is read.
        """
        users = self.users[self.offsets[row] : self.offsets[row + 1]]
        if not len(users):
            return []
        step = -(-len(users) // MOST_USERS)
        read = users[::step].astype(np.int64)
        shared = np.bincount(self.histories.take(read).items, minlength=len(offered))
        shared[row] = 0
        least = 2 if len(read) > 1 else 1
        rows = np.flatnonzero(offered & (shared >= least))
        cosine = shared[rows] / np.sqrt(np.diff(self.offsets)[rows])
        best = rows[np.lexsort((rows, -cosine))][:limit]
        return [(int(other), int(shared[other]) * step) for other in best]
