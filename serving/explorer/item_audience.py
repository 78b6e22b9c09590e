"""Who took an item, and what else they took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Interactions

# Of a hit's audience a sample says as much, and takes no longer than a niche item's.
MOST_USERS = 10_000


@dataclass(frozen=True, eq=False)
class ItemAudiences:
    """The log from the items' side.

    Attributes:
        by_user: who took what, each item once, sparse [n_users, n_items].
        by_item: the same, turned, [n_items, n_users].
    """

    by_user: sp.csr_matrix
    by_item: sp.csr_matrix

    @classmethod
    def of(cls, log: Interactions, n_items: int) -> ItemAudiences:
        """Return the audiences of a catalog of ``n_items`` in a log."""
        taken = log.taken()
        ones = np.ones(len(taken), bool)
        shape = (len(log.user_ids), n_items)
        by_user = sp.csr_matrix((ones, (taken.user, taken.item)), shape=shape)
        return cls(by_user, by_user.T.tocsr())

    def size(self, row: int) -> int:
        """Return how many users took the item."""
        return int(self.by_item.indptr[row + 1] - self.by_item.indptr[row])

    def also_took(self, row: int, offered: NDArray[np.bool_], limit: int) -> list[tuple[int, int]]:
        """Return the items whose audience is most like this one's, as (row, users in common).

        Alike is the cosine of the two audiences: a hit that everybody took tells nothing of this
        item. Only ``offered`` rows [n_items] and at least two users in common count, unless the
        item has no more than one user. Of an audience above `MOST_USERS` an even sample is read.
        """
        users = self.by_item[row].indices
        if not len(users):
            return []
        step = -(-len(users) // MOST_USERS)
        read = users[::step]
        shared = np.bincount(self.by_user[read].indices, minlength=len(offered))
        shared[row] = 0
        least = 2 if len(read) > 1 else 1
        rows = np.flatnonzero(offered & (shared >= least))
        cosine = shared[rows] / np.sqrt(np.diff(self.by_item.indptr)[rows])
        best = rows[np.lexsort((rows, -cosine))][:limit]
        return [(int(other), int(shared[other]) * step) for other in best]
