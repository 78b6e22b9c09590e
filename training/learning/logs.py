"""Two logs of one run: which events are in both, and one on top of the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.errors import DataError

# A log with less of what the run knows is taken for what is new alone.
MOST_MISSING = 0.5
EARLIEST_S = 100_000_000
# The newest events of a log may be missing for once: rows set aside, a file that was cut off.
A_DAY_S = 86_400


def held_events(log: Interactions, other: Interactions) -> NDArray[np.bool_]:
    """Return which events of a log the other one holds, bool [m]; both are of the same rows.

    By user, item, time and meaning: a look and a purchase at one second are two. Where one of the
    two has no clock, the time says nothing.
    """
    position = {user: i for i, user in enumerate(other.user_ids)}
    there = np.array([position.get(user, -1) for user in log.user_ids], np.int64)
    timed = log.has_clock and other.has_clock
    mine = pd.MultiIndex.from_arrays(
        (there[log.user], log.item, log.time if timed else np.zeros_like(log.time), _label(log))
    )
    theirs = pd.MultiIndex.from_arrays(
        (other.user, other.item, other.time if timed else np.zeros_like(other.time), _label(other))
    )
    return np.asarray(mine.isin(theirs), np.bool_)


def _label(log: Interactions) -> NDArray[np.int8]:
    return np.full(len(log), TAKEN, np.int8) if log.label is None else log.label


def check_whole(log: Interactions, before: Interactions, *, force: bool) -> None:
    """Refuse a log that can't be the run's own log some time later.

    Raises:
        DataError: most of what the run knows is missing, its clock is gone, or (without
            ``force``) it ends a day or more before the run's.
    """
    if not len(before):
        return
    if before.has_clock and not log.has_clock:
        raise DataError(
            "the run's log has times, and this one has none that are a clock; name the column "
            "with --column timestamp=COLUMN"
        )
    known = before.taken()
    missing = ~held_events(replace(known, has_clock=False), replace(log.taken(), has_clock=False))
    if len(known) and missing.mean() > MOST_MISSING:
        raise DataError(
            f"{missing.mean():.0%} of the {len(known):,} events that the run knows are missing in "
            "this log, so it seems to hold only what is new; give such a file with ",
            Field("events"),
            ", or the whole log as it is now",
        )
    if log.has_clock and before.has_clock and not force:
        newest, then = int(log.time.max()), int(before.time.max())
        if newest <= then - A_DAY_S:
            raise DataError(
                f"the newest event of this log is of {_day(newest)}, but the run knows events up "
                f"to {_day(then)}; give the log as it is now, or learn from the older one with ",
                Field("force"),
            )


def on_top(log: Interactions, events: Interactions) -> Interactions:
    """Return a log with more events, each of them once; without parts, since all is learned.

    Raises:
        DataError: the log has a clock and the events have none.
    """
    if not len(log):
        # The first events say whether there is a clock.
        log = replace(log, has_clock=events.has_clock or bool((events.time >= EARLIEST_S).all()))
    # Of a few events all may be of one moment. Below, a number would be an ordinal and no time, as
    # in interaction files.
    if log.has_clock and not events.has_clock and (events.time < EARLIEST_S).any():
        raise DataError(
            "the run's log has times, and these events have none that are a clock; name the "
            "column with --column timestamp=COLUMN"
        )
    if not log.has_clock:
        # An order goes on where it ended.
        start = int(log.time.max(initial=-1)) + 1
        order = np.argsort(np.argsort(events.time, kind="stable"), kind="stable")
        events = replace(events, time=start + order)
    events = replace(events, has_clock=log.has_clock)
    events = events.select(~held_events(events, log))
    position = {user: i for i, user in enumerate(log.user_ids)}
    for user in events.user_ids:
        position.setdefault(user, len(position))
    renumbered = np.array([position[user] for user in events.user_ids], np.int32)
    user = np.concatenate([log.user, renumbered[events.user]]).astype(np.int32)
    time = np.concatenate([log.time, events.time])
    order, sizes = np.lexsort((time, user)), (len(log), len(events))
    return Interactions(
        user_ids=np.array(list(position), dtype=object),
        user=user[order],
        item=np.concatenate([log.item, events.item]).astype(np.int32)[order],
        time=time[order],
        has_clock=log.has_clock,
        weight=_joined(log.weight, events.weight, sizes, np.float32(np.nan), order),
        label=_joined(log.label, events.label, sizes, np.int8(TAKEN), order),
    )


Number = TypeVar("Number", bound=np.generic)


def _joined(
    first: NDArray[Number] | None,
    second: NDArray[Number] | None,
    sizes: tuple[int, int],
    missing: Number,
    order: NDArray[np.int64],
) -> NDArray[Number] | None:
    """Return two columns as one in an order; a log without the column has ``missing`` there."""
    if first is None and second is None:
        return None
    first = np.full(sizes[0], missing) if first is None else first
    second = np.full(sizes[1], missing) if second is None else second
    return np.concatenate([first, second])[order]


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
