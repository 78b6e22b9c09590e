"""What a sequence of events says in the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.meaning.behaviours import SEEN, SHOWN


def still_said(
    user: NDArray[np.integer],
    item: NDArray[np.integer],
    time: NDArray[np.int64],
    code: NDArray[np.int8],
) -> NDArray[np.bool_]:
    """Return which events no later one contradicts, bool [n]; they stand in the order of arrival.

    Of what a user says of an item within one second the last counts, and what says the same right
    before it (`contradicts`). A look, or being shown, denies nothing.

    >>> one = np.zeros(4, np.int64)
    >>> still_said(one, one, one, np.array([1, 3, 1, 1], np.int8)).tolist()
    [False, False, True, True]
    """
    said = np.ones(len(code), np.bool_)
    opinion = np.flatnonzero((code != SEEN) & (code != SHOWN))
    order = opinion[np.lexsort((time[opinion], item[opinion], user[opinion]))]
    if not len(order):
        return said
    changes = np.zeros(len(order), np.bool_)
    changes[0] = True
    for column in (user, item, time):
        changes[1:] |= column[order[1:]] != column[order[:-1]]
    group = np.cumsum(changes) - 1
    last = np.append(np.flatnonzero(changes)[1:], len(order)) - 1
    differs = code[order] != code[order[last]][group]
    # Of each group the place behind the last event that says something else.
    behind = np.full(len(last), -1)
    np.maximum.at(behind, group[differs], np.flatnonzero(differs))
    said[order[np.arange(len(order)) <= behind[group]]] = False
    return said


def heard_first(
    user: NDArray[np.integer],
    item: NDArray[np.integer],
    candidate: NDArray[np.bool_],
    arrival: NDArray[np.integer],
) -> NDArray[np.bool_]:
    """Return which candidates of their user and item came first, bool [n].

    >>> one = np.zeros(3, np.int64)
    >>> heard_first(one, one, np.array([False, True, True]), np.array([0, 5, 2])).tolist()
    [False, False, True]
    """
    first = np.zeros(len(candidate), np.bool_)
    places = np.flatnonzero(candidate)
    order = places[np.lexsort((arrival[places], item[places], user[places]))]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (user[order[1:]] != user[order[:-1]]) | (item[order[1:]] != item[order[:-1]])
    first[order[begins]] = True
    return first
