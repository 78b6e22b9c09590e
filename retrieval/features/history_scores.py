"""What one item-to-item matrix says of a batch of histories, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.kernels.history_scores_loops import (
    SITTING,
    SLOW,
    add_up,
    look_up,
    pick_best,
)

# Past items read, and how fast they fade: of the item-to-item scores, as measured in
# docs/behaviour.md. Where a log has longer histories that are worth reading (docs/dense-logs.md),
# a mood fades as fast, a taste slowly.
LAST = 20
DECAY = 0.8
SLOW_DECAY = 0.97
# A weight below it says nothing, and numbers that small are slow to add.
_LEAST_FADE = 1e-12


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
        slow: as `recent`, with `SLOW_DECAY`; None where only the last `LAST` items are read.
        sitting: sum of the weights from the newest sitting's items; None likewise.
        known: the items that the others are compared with, bool [n_items]; None: all.
        own: whether the pair's item is in the user's history, bool [e].
        moments: mean and deviation of `recent` over all known items, zeros included,
            float32 [n_users] each.
        highest: each user's best `recent` of a known item outside the history, 0 without one,
            float32 [n_users].
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
    slow: NDArray[np.float32] | None = None
    sitting: NDArray[np.float32] | None = None
    known: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        weights: ItemWeights,
        histories: Histories,
        *,
        decay: float = DECAY,
        last: int = LAST,
        known: NDArray[np.bool_] | None = None,
    ) -> HistoryScores:
        """Return what the matrix says of these histories; ``last`` past items of each are read.

        ``known`` are the items that the others are compared with, bool [n_items]; None: all. So no
        item that comes, and that nobody takes, changes what is said of those that were there.
        """
        sizes = np.minimum(np.diff(histories.offsets), last)
        n_items = weights.n_items
        owner = np.repeat(np.arange(len(sizes)), sizes)
        read = histories.items[
            np.repeat(histories.offsets[1:] - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
        ]
        entries = np.bincount(owner, np.diff(weights.indptr)[read], len(sizes)).astype(np.int64)
        most = int(np.minimum(entries, n_items).sum())
        long = last > LAST
        starts = np.zeros(len(histories) + 1, np.int64)
        rows = np.empty(most, np.int32)
        sums = np.empty((7 if long else 5, most), np.float32)
        in_history = np.empty(most, np.bool_)
        totals = np.zeros((2, len(histories)), np.float64)
        highest = np.zeros(len(histories), np.float32)
        add_up(
            weights.indptr,
            weights.columns,
            weights.values,
            last,
            _fades(decay, last, int(sizes.max(initial=0))),
            histories.offsets,
            histories.items,
            histories.newest_sittings() if long else sizes,
            np.ones(n_items, np.bool_) if known is None else known,
            starts,
            rows,
            sums,
            in_history,
            totals,
            highest,
        )
        end = int(starts[-1])
        compared = n_items if known is None else max(int(known.sum()), 1)
        mean = totals[0] / compared
        deviation = np.sqrt(np.maximum(totals[1] / compared - mean**2, 0.0))
        recent, flat, best, newest, second = sums[:5, :end]
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
            slow=sums[SLOW, :end] if long else None,
            sitting=sums[SITTING, :end] if long else None,
            known=known,
        )

    @property
    def n_users(self) -> int:
        """Users in the batch."""
        return len(self.starts) - 1

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """How many known items are better for the user; of own items one past the end."""
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
            there = others[start + places]
            ranks[there] = np.arange(stop - start)
            if self.known is not None:
                compared = self.known[self.rows[there]]
                ranks[there] = np.cumsum(compared) - compared
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


def _fades(decay: float, last: int, longest: int) -> NDArray[np.float32]:
    """Return the weight of an item by its age, fast and slow, float32 [2, ages]."""
    ages = np.arange(last if last <= LAST else min(last, longest), dtype=np.float32)
    fades = np.stack([np.float32(decay) ** ages, np.float32(SLOW_DECAY) ** ages])
    return np.where(fades < _LEAST_FADE, np.float32(0.0), fades)
