"""What one item-to-item matrix says of a batch of histories, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.kernels.history_scores_loops import add_up, look_up, pick_best

# Past items read, and how fast they fade: of the item-to-item scores, as measured in
# docs/behaviour.md.
LAST = 20
DECAY = 0.8


@dataclass(frozen=True, eq=False)
class HistoryScores:
    """Every (user, item) pair that some past item points at, with what it adds up to.

    A user's numbers are the same bits in any company. Pairs are ordered by user, then by catalog
    row; what isn't among them is 0.

    Attributes:
        n_items: catalog rows.
        starts: user u has the pairs ``starts[u]:starts[u + 1]``, int64 [n_users + 1].
        rows: catalog row of each pair, int32 [e].
        recent: sum of ``decay ** age * weight`` over the last items, age 0 the newest, float32 [e].
        flat: the same without decay.
        best: the largest single weight.
        newest, second: the weight from the last item, and from the one before it.
        own: whether the pair's item is in the user's history, bool [e].
        moments: mean and deviation of `recent` over the whole catalog, zeros included,
            float32 [n_users] each.
        highest: each user's best `recent` outside the history, 0 without one, float32 [n_users].
    """

    n_items: int
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    recent: NDArray[np.float32]
    flat: NDArray[np.float32]
    best: NDArray[np.float32]
    newest: NDArray[np.float32]
    second: NDArray[np.float32]
    own: NDArray[np.bool_]
    moments: tuple[NDArray[np.float32], NDArray[np.float32]]
    highest: NDArray[np.float32]

    @classmethod
    def of(
        cls, weights: ItemWeights, histories: Histories, *, decay: float = DECAY, last: int = LAST
    ) -> HistoryScores:
        """Return what the matrix says of these histories; ``last`` past items of each are read."""
        read, _ = histories.last(last)
        there = read[read >= 0].astype(np.int64)
        most = int((weights.indptr[there + 1] - weights.indptr[there]).sum())
        starts = np.zeros(len(histories) + 1, np.int64)
        rows = np.empty(most, np.int32)
        sums = np.empty((5, most), np.float32)
        in_history = np.empty(most, np.bool_)
        totals = np.zeros((2, len(histories)), np.float64)
        highest = np.zeros(len(histories), np.float32)
        add_up(
            weights.indptr,
            weights.columns,
            weights.values,
            read,
            np.float32(decay) ** np.arange(read.shape[1], dtype=np.float32),
            histories.offsets,
            histories.items,
            starts,
            rows,
            sums,
            in_history,
            totals,
            highest,
        )
        end = int(starts[-1])
        n_items = weights.n_items
        mean = totals[0] / n_items
        deviation = np.sqrt(np.maximum(totals[1] / n_items - mean**2, 0.0))
        recent, flat, best, newest, second = sums[:, :end]
        return cls(
            n_items=n_items,
            starts=starts,
            rows=rows[:end],
            recent=recent,
            flat=flat,
            best=best,
            newest=newest,
            second=second,
            own=in_history[:end],
            moments=(mean.astype(np.float32), deviation.astype(np.float32)),
            highest=highest,
        )

    @property
    def n_users(self) -> int:
        """Users in the batch."""
        return len(self.starts) - 1

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Each pair's place in the user's whole list, 0 the best; own items one past the end."""
        ranks = np.full(len(self.rows), self.n_items, np.int64)
        others = np.flatnonzero(~self.own)
        # The value, highest first (a float's bits order as it does, but for the sign), and then
        # the place in one number: plain integers sort several times faster than pairs.
        bits = (self.recent[others] + np.float32(0.0)).view(np.uint32)
        falling = np.where(bits >> 31, bits, bits ^ np.uint32(0x7FFF_FFFF)).astype(np.uint64)
        begins = np.searchsorted(others, self.starts)
        for start, stop in pairwise(begins):
            part = (falling[start:stop] << np.uint64(32)) | np.arange(stop - start, dtype=np.uint64)
            part.sort()
            places = (part & np.uint64(0xFFFF_FFFF)).astype(np.int64)
            ranks[others[start + places]] = np.arange(stop - start)
        return ranks

    def top(
        self, k: int, allowed: NDArray[np.bool_], exclusions: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return each user's k best allowed rows by `recent`, -1 padded, int64 [n_users, k].

        ``exclusions`` are sorted keys that don't come back, beside the user's own items. Only
        scores above 0 are answers: at 0 behaviour says nothing, below it speaks against the item.
        """
        out = np.full((self.n_users, k), -1, np.int64)
        pick_best(
            self.starts, self.rows, self.recent, self.own, self.n_items, allowed, exclusions, out
        )
        return out

    def positions(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where each candidate's pair is, -1 where there is none; rows int64 [m, c]."""
        out = np.empty(rows.shape, np.int64)
        look_up(self.starts, self.rows, self.n_items, rows, out)
        return out
