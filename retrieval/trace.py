"""What one item-to-item matrix says of a batch of histories, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour import Behaviour
from retrieval.interactions import Histories

# Past items read, and how fast they fade: of the item-to-item scores, as measured in
# docs/behaviour.md.
LAST = 20
DECAY = 0.8


@dataclass(frozen=True, eq=False)
class Trace:
    """Every (user, item) pair that some past item points at, with what it adds up to.

    Pairs are ordered by user, then by catalog row; what isn't among them is 0.

    Attributes:
        n_items: catalog rows.
        keys: ``user * n_items + row``, ascending, int64 [e].
        recent: sum of ``DECAY ** age * weight`` over the last items, float32 [e].
        flat: the same without decay.
        best: the largest single weight.
        newest, second: the weight from the last item, and from the one before it.
        own: whether the pair's item is in the user's history, bool [e].
        n_users: users in the batch.
    """

    n_items: int
    n_users: int
    keys: NDArray[np.int64]
    recent: NDArray[np.float32]
    flat: NDArray[np.float32]
    best: NDArray[np.float32]
    newest: NDArray[np.float32]
    second: NDArray[np.float32]
    own: NDArray[np.bool_]

    @classmethod
    def of(cls, behaviour: Behaviour, histories: Histories) -> Trace:
        """Return what the matrix says of these histories."""
        n_items = behaviour.n_items
        rows, _ = histories.last(LAST)
        user, age = np.nonzero(rows >= 0)
        sources = rows[user, age].astype(np.int64)
        starts = behaviour.indptr[sources]
        sizes = behaviour.indptr[sources + 1] - starts
        first = np.cumsum(sizes) - sizes
        places = np.repeat(starts - first, sizes) + np.arange(int(sizes.sum()))
        owner, age = np.repeat(user, sizes), np.repeat(age, sizes)
        keys = owner.astype(np.int64) * n_items + behaviour.columns[places]
        order = np.argsort(keys, kind="stable")
        keys, age = keys[order], age[order]
        weights = behaviour.values[places][order]
        begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
        pairs = keys[begins]
        of_user = np.repeat(np.arange(len(histories), dtype=np.int64), np.diff(histories.offsets))
        taken = np.sort(of_user * n_items + histories.items)
        return cls(
            n_items=n_items,
            n_users=len(histories),
            keys=pairs,
            recent=_sums(weights * np.float32(DECAY) ** age.astype(np.float32), begins),
            flat=_sums(weights, begins),
            best=np.maximum.reduceat(weights, begins) if len(begins) else _sums(weights, begins),
            newest=_sums(np.where(age == 0, weights, 0.0), begins),
            second=_sums(np.where(age == 1, weights, 0.0), begins),
            own=among(pairs, taken),
        )

    @cached_property
    def user(self) -> NDArray[np.int64]:
        """The user of each pair, int64 [e]."""
        return self.keys // self.n_items

    @cached_property
    def moments(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation of `recent` over the whole catalog, zeros included, [n_users]."""
        total = np.bincount(self.user, self.recent, self.n_users)
        square = np.bincount(self.user, self.recent.astype(np.float64) ** 2, self.n_users)
        mean = total / self.n_items
        deviation = np.sqrt(np.maximum(square / self.n_items - mean**2, 0.0))
        return mean.astype(np.float32), deviation.astype(np.float32)

    @cached_property
    def ranked(self) -> NDArray[np.int64]:
        """Positions of all pairs that aren't the user's own, by user, best `recent` first."""
        others = np.flatnonzero(~self.own)
        return others[np.lexsort((self.keys[others], -self.recent[others], self.user[others]))]

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Each pair's place in the user's whole list, 0 the best; own items one past the end."""
        found = np.full(len(self.keys), self.n_items, np.int64)
        user = self.user[self.ranked]
        begins = np.searchsorted(user, np.arange(self.n_users))
        found[self.ranked] = np.arange(len(user)) - begins[user]
        return found

    @cached_property
    def highest(self) -> NDArray[np.float32]:
        """Each user's best `recent` outside the history, 0 without one, float32 [n_users]."""
        out = np.zeros(self.n_users, np.float32)
        np.maximum.at(out, self.user[~self.own], self.recent[~self.own])
        return out

    def top(
        self, k: int, allowed: NDArray[np.bool_], banned: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return each user's k best allowed rows by `recent`, -1 padded, int64 [n_users, k].

        ``banned`` are sorted keys that don't come back. Only scores above 0 are answers: at 0
        behaviour says nothing, below it speaks against the item.
        """
        out = np.full((self.n_users, k), -1, np.int64)
        keys = self.keys[self.ranked]
        keep = (self.recent[self.ranked] > 0) & allowed[keys % self.n_items] & ~among(keys, banned)
        keys = keys[keep]
        user = keys // self.n_items
        place = np.arange(len(keys)) - np.searchsorted(user, np.arange(self.n_users))[user]
        inside = place < k
        out[user[inside], place[inside]] = keys[inside] % self.n_items
        return out

    def positions(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where each candidate's pair is, -1 where there is none; rows int64 [m, c]."""
        wanted = np.arange(self.n_users)[:, None] * self.n_items + rows
        place = np.searchsorted(self.keys, wanted)
        found = place < len(self.keys)
        found[found] = self.keys[place[found]] == wanted[found]
        return np.where(found & (rows >= 0), place, -1)


def among(keys: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which keys are among others that are in ascending order.

    >>> among(np.array([4, 5]), np.array([1, 5, 9])).tolist()
    [False, True]
    """
    if not len(ordered):
        return np.zeros(len(keys), bool)
    place = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.asarray(ordered[place] == keys)


def _sums(values: NDArray[np.floating], begins: NDArray[np.int64]) -> NDArray[np.float32]:
    if not len(begins):
        return np.zeros(0, np.float32)
    return np.add.reduceat(values, begins).astype(np.float32)
