"""A users file as it was read: who there is, and what each column says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class UserColumn:
    """One column; a user has one value, several, or none where the cell is empty.

    Attributes:
        name: the column's name, without RecBole's type.
        offsets: user i has ``codes[offsets[i]:offsets[i + 1]]``, int64 [n_users + 1].
        codes: positions in `values`, int32 [total].
        values: the distinct values, trimmed and without case, object [k].
        numbers: the values as finite numbers, float64 [k]; None where one of them is none, or
            where users have several.
        several: whether a cell may hold several values.
    """

    name: str
    offsets: NDArray[np.int64]
    codes: NDArray[np.int32]
    values: NDArray[np.object_]
    numbers: NDArray[np.float64] | None
    several: bool

    @property
    def owner(self) -> NDArray[np.int64]:
        """The user of each code, int64 [total]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclass(frozen=True, eq=False)
class UserTable:
    """The users of a file, each once.

    Attributes:
        user_ids: the owner's ids, object [n_users]; they need not be in the log.
        columns: what is said of them.
        left_out: columns that aren't read, with the reason.
    """

    user_ids: NDArray[np.object_]
    columns: tuple[UserColumn, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.user_ids)

    def positions(self, user_ids: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return where these ids stand, -1 for ids that the file doesn't have, int64 [m]."""
        place = {user: i for i, user in enumerate(self.user_ids)}
        return np.array([place.get(user, -1) for user in user_ids], np.int64)


@dataclass(frozen=True, eq=False)
class UserValues:
    """Values of m users, as the numbers that a `UserSchema` gives them.

    Attributes:
        offsets: user i has ``codes[offsets[i]:offsets[i + 1]]``, int64 [m + 1].
        codes: numbers of values, ascending within a user, each once, int32 [total].
    """

    offsets: NDArray[np.int64]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> NDArray[np.int32]:
        return self.codes[self.offsets[position] : self.offsets[position + 1]]

    @property
    def owner(self) -> NDArray[np.int64]:
        """The user of each code, int64 [total]."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @classmethod
    def of_pairs(
        cls, owner: NDArray[np.int64], codes: NDArray[np.int64], n_users: int
    ) -> UserValues:
        """Return pairs of user and code in any order, repeated ones once.

        >>> values = UserValues.of_pairs(np.array([1, 0, 1]), np.array([4, 2, 4]), 3)
        >>> values.offsets.tolist(), values.codes.tolist()
        ([0, 1, 2, 2], [2, 4])
        """
        width = int(codes.max(initial=0)) + 1
        keys = np.unique(owner * width + codes)
        sizes = np.bincount(keys // width, minlength=n_users)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return cls(offsets, (keys % width).astype(np.int32))

    @classmethod
    def from_lists(cls, lists: list[NDArray[np.int32]]) -> UserValues:
        """Return values given user by user."""
        offsets = np.concatenate([[0], np.cumsum([len(codes) for codes in lists])])
        codes = np.concatenate(lists) if lists else np.empty(0, np.int32)
        return cls(offsets.astype(np.int64), codes.astype(np.int32))

    def take(self, positions: NDArray[np.int64]) -> UserValues:
        """Return the values of users at these positions; -1 is somebody without any."""
        inside = np.maximum(positions, 0)
        known = positions >= 0
        if not len(self):
            inside, lengths = np.zeros_like(positions), np.zeros_like(positions)
        else:
            lengths = np.where(known, np.diff(self.offsets)[inside], 0)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = np.repeat(self.offsets[inside] - offsets[:-1], lengths)
        return UserValues(offsets, self.codes[starts + np.arange(offsets[-1])])
