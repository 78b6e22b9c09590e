"""Which events of the service the log of a version holds by now: they count once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import TakenItem
from longtail.retrieval.run.bundle import Bundle


def logged(
    bundle: Bundle, events: Sequence[TakenItem], position: Callable[[str], int | None]
) -> NDArray[np.bool_]:
    """Return which of these events the log of a served bundle has, bool [n].

    By user, item and time; ``position`` is of a user in the log. In a log that was learned and
    whose times are an order, an item that the user has taken is one that was heard of.
    """
    held = np.zeros(len(events), np.bool_)
    log = bundle.log
    by_item = bundle.learned is not None and not log.has_clock
    rows = bundle.catalog.rows_of(event.item_id for event in events)
    for number, (event, row) in enumerate(zip(events, rows, strict=True)):
        user = position(event.user_id)
        if user is None or row < 0:
            continue
        start, end = np.searchsorted(log.user, [user, user + 1])
        same = log.item[start:end] == row
        held[number] = bool((same & (by_item | (log.time[start:end] == event.timestamp))).any())
    return held
