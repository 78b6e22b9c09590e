"""Of what a user did with an item the last word counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def before_last(
    codes: tuple[int, ...],
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    label: NDArray[np.int8],
) -> NDArray[np.bool_]:
    """Return which events come before the user's last one with the item of these ``codes``.

    bool [m].

    Events are sorted by user and time.

    >>> user, item = np.zeros(4, np.int32), np.array([5, 5, 6, 5], np.int32)
    >>> before_last((3,), user, item, np.array([1, 3, 1, 1], np.int8)).tolist()
    [True, False, False, False]
    """
    before = np.zeros(len(label), bool)
    at = np.flatnonzero(np.isin(label, codes))
    if not len(at):
        return before
    keys = user.astype(np.int64) * (int(item.max()) + 1) + item
    # Turned round, the first of equal keys is the latest.
    distinct, first = np.unique(keys[at][::-1], return_index=True)
    place = np.minimum(np.searchsorted(distinct, keys), len(distinct) - 1)
    latest = at[len(at) - 1 - first][place]
    return np.asarray((distinct[place] == keys) & (np.arange(len(label)) < latest))
