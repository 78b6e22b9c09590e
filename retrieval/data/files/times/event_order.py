"""The order of events: by user and time, and which of one moment repeat another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.times.timestamps import Times
from longtail.retrieval.data.meaning.behaviours import SEEN

# Of events of one moment the one that says the most stays, by `Interactions.label`.
_FIRST: NDArray[np.int64] = np.array([5, 0, 4, 1, 3, 2])


def by_user_and_time(
    user: NDArray[np.int32], times: Times, keep: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the order of the rows kept; ties stay as they are in the file."""
    if times.nanoseconds is None:
        return np.lexsort((times.seconds[keep], user[keep]))
    # Or a file with its newest event first would turn round what one second holds.
    return np.lexsort((times.nanoseconds[keep], times.seconds[keep], user[keep]))


def repeats(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    seconds: NDArray[np.int64],
    label: NDArray[np.int8] | None,
    order: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which events, sorted by user and time, repeat another one, bool [m].

    Of one moment what says the most stays, and a look beside it.
    """
    repeated = np.zeros(len(user), bool)
    same = (user[1:] == user[:-1]) & (seconds[1:] == seconds[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if not len(tied):
        return repeated
    shown = np.zeros(len(tied), np.int64) if label is None else _FIRST[label[order[tied]]]
    by_event = np.lexsort((tied, shown, item[tied], seconds[tied], user[tied]))
    ordered = tied[by_event]
    again = (
        (user[ordered[1:]] == user[ordered[:-1]])
        & (seconds[ordered[1:]] == seconds[ordered[:-1]])
        & (item[ordered[1:]] == item[ordered[:-1]])
    )
    if label is not None:
        looked = label[order[ordered]] == SEEN
        again &= ~looked[1:] | looked[:-1]
    repeated[ordered[1:][again]] = True
    return repeated
