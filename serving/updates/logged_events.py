"""Which events of the service the log of a version holds by now: they count once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.run.bundle import Bundle


def logged(bundle: Bundle, events: Sequence[UserEvent]) -> NDArray[np.bool_]:
    """Return which of these events the log of a served bundle has, bool [n]; see `in_log`."""
    asked = {event.user_id for event in events}
    position = {user: i for i, user in enumerate(bundle.log.user_ids) if user in asked}
    return in_log(
        bundle,
        np.array([position.get(event.user_id, -1) for event in events], np.int64),
        bundle.catalog.rows_of(event.item_id for event in events),
        np.array([event.timestamp for event in events], np.int64),
        np.array([event.code for event in events], np.int8),
    )


def in_log(
    bundle: Bundle,
    user: NDArray[np.integer],
    row: NDArray[np.integer],
    time: NDArray[np.int64],
    code: NDArray[np.int8],
) -> NDArray[np.bool_]:
    """Return which events the log of a served bundle has, by user, item, time and meaning.

    ``user`` are places in the log's ids, and -1 is somebody whom it doesn't know, as is an item's
    ``row`` of -1; all [n]. In a log that was learned and whose times are an order, what the user
    did with an item was heard of.
    """
    held = np.zeros(len(user), np.bool_)
    asked = np.flatnonzero((user >= 0) & (row >= 0))
    if not len(asked):
        return held
    log = bundle.log
    lines = _lines_of(log.user, np.unique(user[asked]))
    timeless = bundle.learned is not None and not log.has_clock
    logged_code = np.full(len(lines), TAKEN) if log.label is None else log.label[lines]
    users = np.concatenate([log.user[lines], user[asked]])
    deeds = np.concatenate([_deed(log.item[lines], logged_code), _deed(row[asked], code[asked])])
    times = np.concatenate([log.time[lines], time[asked]])
    order = np.lexsort((deeds, users) if timeless else (times, deeds, users))
    changes = np.ones(len(order), np.bool_)
    changes[1:] = (users[order[1:]] != users[order[:-1]]) | (deeds[order[1:]] != deeds[order[:-1]])
    if not timeless:
        changes[1:] |= times[order[1:]] != times[order[:-1]]
    group = np.cumsum(changes) - 1
    of_log = order < len(lines)
    known = np.zeros(int(group[-1]) + 1, np.bool_)
    known[group[of_log]] = True
    held[asked[order[~of_log] - len(lines)]] = known[group[~of_log]]
    return held


def _deed(row: NDArray[np.integer], code: NDArray[np.integer]) -> NDArray[np.int64]:
    return row.astype(np.int64) << 8 | code.astype(np.int64)


def _lines_of(users: NDArray[np.integer], asked: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the lines of some users in a log that goes by user."""
    # Of the log's own type: another one would copy the whole column.
    own = asked.astype(users.dtype)
    starts, ends = (np.searchsorted(users, own, side) for side in ("left", "right"))
    sizes = ends - starts
    before = np.cumsum(sizes) - sizes
    lines: NDArray[np.int64] = np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))
    return lines
