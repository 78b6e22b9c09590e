"""Training examples: every taken item of a user, with what came before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories


@dataclass(frozen=True)
class NextItemExamples:
    """(history, next item) pairs as positions in the training histories.

    Example e: the history is ``histories.items[start[e]:end[e]]`` and the target
    ``histories.items[end[e]]``.

    Attributes:
        histories: the training histories, oldest first.
        user: whose they are, int64 [n].
        start, end: int64 [n].
    """

    histories: Histories
    user: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.end)

    def __getitem__(self, index: int) -> int:
        # The collator reads whole batches at once from the arrays above; an example is its
        # number.
        return int(index)

    @classmethod
    def from_histories(cls, histories: Histories, max_history: int) -> NextItemExamples:
        """Return an example for every item of every history but its first.

        >>> examples = NextItemExamples.from_histories(Histories.from_lists([[4, 5, 6], [7]]), 20)
        >>> examples.start.tolist(), examples.end.tolist()
        ([0, 0], [1, 2])
        """
        lengths = np.diff(histories.offsets)
        user = np.repeat(np.arange(len(histories)), lengths)
        position = np.arange(len(histories.items))
        first = histories.offsets[user]
        keep = position > first
        start = np.maximum(first, position - max_history)
        return cls(histories, user[keep], start[keep], position[keep])

    def windows(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return target and history of these examples, newest first, int64 [b, 1 + longest].

        Column 0 is the target; shorter histories are padded with -1.

        >>> examples = NextItemExamples.from_histories(Histories.from_lists([[4, 5, 6]]), 20)
        >>> examples.windows(np.array([0, 1])).tolist()
        [[5, 4, -1], [6, 5, 4]]
        """
        start, end = self.start[chosen], self.end[chosen]
        position = end[:, None] - np.arange(int((end - start).max()) + 1)
        inside = position >= start[:, None]
        rows = np.full(position.shape, -1, np.int64)
        rows[inside] = self.histories.items[position[inside]]
        return rows

    def targets(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the target rows of these examples, int64 [b]."""
        return self.histories.items[self.end[chosen]].astype(np.int64)


def taken_matrix(histories: Histories, n_items: int) -> sp.csr_matrix:
    """Return which user took which item at any time, bool [n_users, n_items]."""
    # Copies: sum_duplicates sorts in place, and would put the histories out of order.
    taken = sp.csr_matrix(
        (np.ones(len(histories.items), bool), histories.items.copy(), histories.offsets.copy()),
        shape=(len(histories), n_items),
    )
    taken.sum_duplicates()
    return taken
