"""Past items of users, oldest first, and what else they did with items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import DROPPED, HAD, REJECTED, SEEN, TAKEN

# Events of one user that lie no further apart belong to one sitting.
SITTING_GAP_S = 1_800
# Later than any time, and far from where differences overflow.
THIS_MOMENT = 2**61


class Past(NamedTuple):
    """One user's items, oldest first, int32 [l], and when each was taken, int64 [l] or None.

    ``beside`` is what else the user did with items (a `Beside` of one), None for nothing.
    """

    items: NDArray[np.int32]
    times: NDArray[np.int64] | None = None
    beside: Beside | None = None

    @property
    def attention(self) -> NDArray[np.int32]:
        """What the user looked at, had, rejected or took, oldest first, int32 [a]."""
        return self.items if self.beside is None else self.beside.attention[0]


@dataclass(frozen=True)
class Histories:
    """Past items of some users, oldest first, back to back in one array.

    Attributes:
        user_ids: the owner's user ids, object [n].
        offsets: history i is ``items[offsets[i]:offsets[i + 1]]``, int64 [n + 1].
        items: catalog rows, int32 [total].
        times: when each was taken, in seconds since 1970, int64 [total]; None: not known.
        beside: what else the same users did with items; None: nothing.
    """

    user_ids: NDArray[np.object_]
    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64] | None = None
    beside: Beside | None = None

    def __len__(self) -> int:
        return len(self.user_ids)

    def __getitem__(self, position: int) -> NDArray[np.int32]:
        return self.items[self.offsets[position] : self.offsets[position + 1]]

    @classmethod
    def from_interactions(cls, log: Interactions) -> Histories:
        """Return every user's taken items, oldest first; users without events get an empty one."""
        histories = cls.of_events(log.taken())
        return replace(histories, beside=Beside.of(log))

    @classmethod
    def of_events(cls, log: Interactions) -> Histories:
        """Return every user's items in this log, oldest first, whatever they mean."""
        lengths = np.bincount(log.user, minlength=len(log.user_ids))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(log.user_ids, offsets, log.item, log.time if log.has_clock else None)

    def past(self, position: int) -> Past:
        """Return one history with its times."""
        inside = slice(self.offsets[position], self.offsets[position + 1])
        times = None if self.times is None else self.times[inside]
        beside = None if self.beside is None else self.beside.take(np.array([position]))
        return Past(self.items[inside], times, beside)

    @classmethod
    def from_pasts(cls, pasts: Sequence[Past]) -> Histories:
        """Return the histories of some users, numbered; what has no times is of this moment."""
        histories = cls.from_lists([past.items for past in pasts])
        histories = replace(histories, beside=Beside.joined([past.beside for past in pasts]))
        if all(past.times is None for past in pasts):
            return histories
        times = [
            np.full(len(past.items), THIS_MOMENT) if past.times is None else past.times
            for past in pasts
        ]
        return replace(histories, times=np.concatenate(times).astype(np.int64))

    @classmethod
    def from_lists(
        cls, histories: Iterable[Iterable[int]], user_ids: Iterable[str] | None = None
    ) -> Histories:
        """Return histories given as lists of catalog rows, oldest first."""
        parts = [
            np.asarray(h if isinstance(h, np.ndarray) else list(h), np.int32) for h in histories
        ]
        ids = [str(i) for i in range(len(parts))] if user_ids is None else list(user_ids)
        offsets = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
        items = np.concatenate(parts) if parts else np.empty(0, np.int32)
        return cls(np.array(ids, dtype=object), offsets, items.astype(np.int32))

    def take(self, positions: NDArray[np.int64]) -> Histories:
        """Return the histories at these positions, in this order."""
        lengths = np.diff(self.offsets)[positions]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.repeat(self.offsets[positions] - offsets[:-1], lengths) + np.arange(offsets[-1])
        times = None if self.times is None else self.times[places]
        beside = None if self.beside is None else self.beside.take(positions)
        return Histories(self.user_ids[positions], offsets, self.items[places], times, beside)

    @property
    def attention(self) -> Histories:
        """What each user looked at, had, rejected or took, oldest first."""
        return self if self.beside is None else self.beside.attention

    def stood_in(self) -> Histories:
        """Return the histories with what was looked at in place of what was taken by nobody yet.

        Somebody who only looked around so far is known by that.
        """
        if self.beside is None:
            return self
        sizes = np.diff(self.offsets)
        strangers = (sizes == 0) & (np.diff(self.beside.seen.offsets) > 0)
        if not strangers.any():
            return self
        own, looks = replace(self, beside=None), self.beside.seen
        pasts = [(looks if stranger else own).past(i) for i, stranger in enumerate(strangers)]
        whole = Histories.from_pasts(pasts)
        return replace(whole, user_ids=self.user_ids, beside=self.beside)

    def not_again(self) -> Histories:
        """Return what each user doesn't get back: own items, rejected ones, and those had."""
        if self.beside is None:
            return self
        return Histories.side_by_side([self, self.beside.rejected, self.beside.had])

    @classmethod
    def side_by_side(cls, parts: Sequence[Histories]) -> Histories:
        """Return the same users' items of several histories behind one another, without times."""
        lists = [np.concatenate([part[i] for part in parts]) for i in range(len(parts[0]))]
        return cls.from_lists(lists, parts[0].user_ids)

    def newest_sittings(self) -> NDArray[np.int64]:
        """Return how many items each user took in the last sitting, int64 [n].

        Without times all of them were.

        >>> log = Histories.from_lists([[3, 5, 7], [2], []])
        >>> replace(log, times=np.array([0, 9_000, 9_060, 5])).newest_sittings().tolist()
        [2, 1, 0]
        >>> log.newest_sittings().tolist()
        [3, 1, 0]
        """
        if self.times is None or not len(self.items):
            return np.diff(self.offsets)
        apart = np.append(True, np.diff(self.times) > SITTING_GAP_S)
        apart[self.offsets[:-1][np.diff(self.offsets) > 0]] = True
        # Of each user the newest item that begins a sitting.
        begins = np.maximum.accumulate(np.where(apart, np.arange(len(apart)), 0))
        ends = self.offsets[1:]
        return np.where(np.diff(self.offsets) > 0, ends - begins[np.maximum(ends - 1, 0)], 0)

    def last(self, length: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the last items, newest first, padded with -1: rows and lengths.

        Shapes: int32 [n, length] and int32 [n].

        >>> rows, lengths = Histories.from_lists([[3, 5, 7], [2], []]).last(2)
        >>> rows.tolist(), lengths.tolist()
        ([[7, 5], [2, -1], [-1, -1]], [2, 1, 0])
        """
        lengths = np.minimum(np.diff(self.offsets), length).astype(np.int32)
        age = np.arange(length)
        inside = age < lengths[:, None]
        positions = self.offsets[1:, None] - 1 - age
        rows = np.full((len(self), length), -1, np.int32)
        rows[inside] = self.items[positions[inside]]
        return rows, lengths


def excluded_keys(excluded: Histories | None, n_items: int) -> NDArray[np.int64]:
    """Return sorted keys ``user * n_items + row`` of what each user doesn't get back."""
    if excluded is None:
        return np.empty(0, np.int64)
    owner = np.repeat(np.arange(len(excluded), dtype=np.int64), np.diff(excluded.offsets))
    return np.unique(owner * n_items + excluded.items)


@dataclass(frozen=True)
class Beside:
    """What some users did with items beside taking them; all of it belongs to the same users.

    Attributes:
        attention: what each looked at, had, rejected or took, oldest first.
        took: which events of `attention` took the item and weren't taken back, bool [total].
        seen: what each looked at, had or dropped.
        rejected: what each rejected, as the last word.
        had: what each had and neither likes nor dislikes.
    """

    attention: Histories
    took: NDArray[np.bool_]
    seen: Histories
    rejected: Histories
    had: Histories

    @classmethod
    def of(cls, log: Interactions) -> Beside | None:
        """Return what a log says; None where it says of no item more than that it was taken."""
        if log.label is None or not np.isin(log.label, (SEEN, REJECTED, HAD, DROPPED)).any():
            return None
        events = log.meaning(TAKEN, SEEN, HAD, DROPPED, REJECTED)
        return cls(
            Histories.of_events(events),
            events.is_taken,
            Histories.of_events(log.meaning(SEEN, HAD, DROPPED)),
            Histories.of_events(log.rejected()),
            Histories.of_events(log.meaning(HAD)),
        )

    @classmethod
    def joined(cls, parts: Sequence[Beside | None]) -> Beside | None:
        """Return that of several users, one each; None where none has any."""
        some = [part for part in parts if part is not None]
        if not some:
            return None
        lists = {
            name: Histories.from_lists(
                [_NONE if part is None else getattr(part, name)[0] for part in parts]
            )
            for name in ("attention", "seen", "rejected", "had")
        }
        return cls(took=np.concatenate([part.took for part in some]), **lists)

    def newest(self, length: int) -> tuple[Histories, NDArray[np.bool_]]:
        """Return each user's last events of attention, and which of them took the item."""
        offsets = self.attention.offsets
        kept = np.minimum(np.diff(offsets), length)
        starts = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        places = np.repeat(offsets[1:] - starts[1:], kept) + np.arange(starts[-1])
        times = self.attention.times
        newest = replace(
            self.attention,
            offsets=starts,
            items=self.attention.items[places],
            times=None if times is None else times[places],
        )
        return newest, self.took[places]

    def take(self, positions: NDArray[np.int64]) -> Beside:
        """Return that of the users at these positions, in this order."""
        inside = replace(self.attention, items=self.took.astype(np.int32)).take(positions)
        return Beside(
            self.attention.take(positions),
            inside.items.astype(np.bool_),
            self.seen.take(positions),
            self.rejected.take(positions),
            self.had.take(positions),
        )


_NONE = np.empty(0, np.int32)
