"""Which events of the service the log of a version holds by now: they count once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.run.bundle import Bundle


def logged(
    bundle: Bundle, events: Sequence[UserEvent], position: Callable[[str], int | None]
) -> NDArray[np.bool_]:
    """Return which of these events the log of a served bundle has, bool [n].

    By user, item, time and meaning; ``position`` is of a user in the log. In a log that was
    learned and whose times are an order, what the user did with an item was heard of.
    """
    held = np.zeros(len(events), np.bool_)
    log = bundle.log
    by_item = bundle.learned is not None and not log.has_clock
    rows = bundle.catalog.rows_of(event.item_id for event in events)
    places = [position(event.user_id) for event in events]
    # Of the log's own type: another one would copy the whole column.
    users = np.array([-1 if place is None else place for place in places], log.user.dtype)
    starts, ends = (np.searchsorted(log.user, users, side) for side in ("left", "right"))
    for number in np.flatnonzero((users >= 0) & (rows >= 0)).tolist():
        part = slice(starts[number], ends[number])
        same = log.item[part] == rows[number]
        if not by_item:
            same &= log.time[part] == events[number].timestamp
        code = events[number].code
        same &= (code == TAKEN) if log.label is None else log.label[part] == code
        held[number] = bool(same.any())
    return held
