"""Who took what, when: the interaction log in columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.meaning.behaviours import DROPPED, REJECTED, SHOWN, TAKEN
from longtail.retrieval.data.meaning.last_word import before_last

TRAIN, VALID, TEST = 0, 1, 2
PARTS = ("train", "valid", "test")
# Of an event; the last three may be missing.
COLUMNS = ("user", "item", "time", "weight", "label", "part")


@dataclass(frozen=True)
class Interactions:
    """An interaction log, sorted by user and time; ties keep the order of the file.

    Attributes:
        user_ids: the owner's user ids, object [n_users]; a log may hold users without events.
        user: position in `user_ids`, int32 [m].
        item: catalog row, int32 [m].
        time: seconds since 1970 (UTC), or the ordinal that stands for it, int64 [m].
        has_clock: whether `time` is a real time, so that users can be compared by it.
        weight: rating or weight, float32 [m], or None.
        label: what each event means, a place in `MEANINGS`, int8 [m], or None (all taken).
        part: TRAIN, VALID or TEST, int8 [m], or None (not split by the owner).
    """

    user_ids: NDArray[np.object_]
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    has_clock: bool
    weight: NDArray[np.float32] | None = None
    label: NDArray[np.int8] | None = None
    part: NDArray[np.int8] | None = None

    @classmethod
    def nothing(cls) -> Interactions:
        """Return a log of nobody; it has a clock, for events to come have times.

        >>> len(Interactions.nothing()), Interactions.nothing().user_counts(2).tolist()
        (0, [0, 0])
        """
        rows = np.empty(0, np.int32)
        return cls(np.empty(0, object), rows, rows, rows.astype(np.int64), has_clock=True)

    def __len__(self) -> int:
        return len(self.user)

    def select(self, keep: NDArray[np.bool_]) -> Interactions:
        """Return the chosen events, in their order; the users stay numbered as they are."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        kept = {name: values[keep] for name, values in columns.items() if values is not None}
        return replace(self, **kept)

    def taken(self) -> Interactions:
        """Return the events that took an item, but those that the user took back.

        Of a user's events with an item the last word counts: what was rejected or dropped later
        wasn't taken.
        """
        if self.label is None:
            return self
        return self.select(self.is_taken)

    @property
    def is_taken(self) -> NDArray[np.bool_]:
        """Which events `taken` returns, bool [m]."""
        if self.label is None:
            return np.ones(len(self), bool)
        back = before_last((REJECTED, DROPPED), self.user, self.item, self.label)
        return np.asarray((self.label == TAKEN) & ~back)

    def refused(self) -> Interactions:
        """Return the events in which an item was shown and not taken.

        Not those that rejected it: what somebody had and didn't like was chosen first, and beside
        the pairs that retrieval hands over it would teach the head what is liked of what was
        chosen, not what is chosen.
        """
        return self.meaning(SHOWN)

    def meaning(self, *codes: int) -> Interactions:
        """Return the events that mean one of these, as they stand."""
        if self.label is None:
            return self if TAKEN in codes else self.select(np.zeros(len(self), bool))
        return self.select(np.isin(self.label, codes))

    def rejected(self) -> Interactions:
        """Return the rejections that were the last word on their item."""
        if self.label is None:
            return self.select(np.zeros(len(self), bool))
        return self.select(
            (self.label == REJECTED) & ~before_last((TAKEN,), self.user, self.item, self.label)
        )

    def user_counts(self, n_items: int) -> NDArray[np.int64]:
        """Return how many distinct users took each item, int64 [n_items]."""
        taken = self.taken()
        pairs = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
        return np.bincount(pairs % n_items, minlength=n_items).astype(np.int64)
