"""What some users looked at and rejected, worked out once and asked about any candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Beside, Histories
from longtail.retrieval.kernels.text_matches import COLUMNS as OF_TEXTS
from longtail.retrieval.kernels.text_matches import text_matches

OF_SEEN = ("seen_lately", "seen_often", "seen_match")
OF_REJECTED = ("rejected_match",)
# A look fades with what else was looked at and taken since.
DECAY = 0.9
# Texts of the last items that were looked at, and rejected.
LOOKS, REJECTIONS = 10, 20
# Items that were looked at and not taken are candidates themselves.
CANDIDATES = 20

Columns = dict[str, NDArray[np.floating]]
_Vectors = Callable[[NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True)
class BesideState:
    """What m users did beside taking items.

    Attributes:
        n_items: catalog rows.
        looks: sorted keys ``user * n_items + row`` of what each looked at, int64 [p].
        ages: events of the user since the last such look, int64 [p].
        times: how often the item was looked at, int64 [p].
        recent: rows last looked at, newest first, -1 padded, int32 [m, `CANDIDATES`].
        seen: vectors of the last `LOOKS` items that were looked at, float32 [m, l, d]; zero-padded.
        rejected: the same of rejections, float32 [m, r, d].
        lengths: filled places of `seen` and of `rejected`, int32 [2, m].
    """

    n_items: int
    looks: NDArray[np.int64]
    ages: NDArray[np.int64]
    times: NDArray[np.int64]
    recent: NDArray[np.int32]
    seen: NDArray[np.float32]
    rejected: NDArray[np.float32]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, beside: Beside, vectors: _Vectors, n_items: int) -> BesideState:
        """Return what users did; ``vectors`` gives the items' unit vectors by catalog row."""
        attention = beside.attention
        sizes = np.diff(attention.offsets)
        owner = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        age = np.repeat(attention.offsets[1:], sizes) - 1 - np.arange(len(owner))
        looked = ~beside.took
        keys = owner[looked] * n_items + attention.items[looked]
        # Of equal keys the last look is the youngest: turned round, it comes first.
        distinct, first, times = np.unique(keys[::-1], return_index=True, return_counts=True)
        (seen, some), (rejected, others) = (
            _last_vectors(lists, length, vectors)
            for lists, length in ((beside.seen, LOOKS), (beside.rejected, REJECTIONS))
        )
        return cls(
            n_items,
            distinct,
            age[looked][::-1][first],
            times,
            beside.seen.last(CANDIDATES)[0],
            seen,
            rejected,
            np.stack([some, others]),
        )

    def columns(
        self, rows: NDArray[np.int64], vectors: NDArray[np.float32], place: NDArray[np.int64]
    ) -> Columns:
        """Return what is known of each user's candidates, [m, c] each.

        ``rows``, ``vectors`` and ``place`` as in `gather_features`. What was never looked at is
        0; without a look, and a rejection, matches are 0.
        """
        keys = np.arange(len(rows))[:, None] * self.n_items + rows
        at = np.minimum(np.searchsorted(self.looks, keys), max(len(self.looks) - 1, 0))
        lately, often = np.zeros(rows.shape, np.float32), np.zeros(rows.shape, np.float32)
        if len(self.looks):
            there = (self.looks[at] == keys) & (rows >= 0)
            lately[there] = DECAY ** self.ages[at[there]]
            often[there] = np.log1p(self.times[at[there]])
        return {
            "seen_lately": lately,
            "seen_often": often,
            "seen_match": _best_match(vectors, place, self.seen, self.lengths[0]),
            "rejected_match": _best_match(vectors, place, self.rejected, self.lengths[1]),
        }


def without_beside(shape: tuple[int, ...]) -> Columns:
    """Return the columns of users of whom nothing but what they took is known."""
    return dict.fromkeys((*OF_SEEN, *OF_REJECTED), np.zeros(shape, np.float32))


def _last_vectors(
    lists: Histories, length: int, vectors: _Vectors
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    rows, lengths = lists.last(length)
    distinct = np.unique(rows[rows >= 0]).astype(np.int64)
    if not len(distinct):
        dim = vectors(np.zeros(1, np.int64)).shape[1]
        return np.zeros((len(rows), 1, dim), np.float32), lengths
    width = int(lengths.max())
    local = np.searchsorted(distinct, np.maximum(rows[:, :width], distinct[0]))
    out = vectors(distinct)[local] * (rows[:, :width] >= 0)[..., None]
    return np.ascontiguousarray(out, np.float32), lengths


def _best_match(
    vectors: NDArray[np.float32],
    place: NDArray[np.int64],
    matches: NDArray[np.float32],
    lengths: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Return each candidate's best cosine with some items, 0 where there are none."""
    out = np.empty((len(OF_TEXTS), *place.shape), np.float32)
    nobody = np.zeros((len(matches), matches.shape[2]), np.float32)
    fade = np.ones(matches.shape[1], np.float32)
    text_matches(vectors, place, nobody, matches, lengths, fade, out)
    best = out[OF_TEXTS.index("best")]
    return np.where(lengths[:, None] > 0, best, np.float32(0.0))
