"""Whether the times of a log are there, and tell enough to be a clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import NO_COLUMN
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.column_advice import column_advice
from longtail.retrieval.data.files.times.numbers import SMALLEST_CLOCK
from longtail.retrieval.data.files.times.other_epochs import EARLIEST_S, day_of
from longtail.retrieval.data.files.times.timestamps import FUTURE, SPELLINGS, Times
from longtail.retrieval.data.interactions import PARTS
from longtail.retrieval.errors import DataError

# So many rows without a usable time may be set aside; more would be another log.
MOST_TIMELESS, FEW_TIMELESS = 0.05, 2
# With fewer distinct times a log can't be cut in three by them; shorter logs are toys.
FEW_MOMENTS, FEW_EVENTS = 5, 10
_DAY_S = 86_400
_LOOKED_AT = 10_000


def require_times(
    path: Path,
    column: str | None,
    keep: NDArray[np.bool_],
    timeless: NDArray[np.bool_],
    part: NDArray[np.int8] | None,
    rejected: RejectedRows,
    times: Times,
) -> None:
    """Refuse a log that loses more than a little of its rows for want of a time.

    ``timeless`` rows were good but for their time, ``keep`` are good, both bool [n]; ``times`` are
    those of the column.

    Raises:
        DataError: more than one row in twenty has no usable time, or most rows of a given part.
    """
    if column is None or not (missing := int(timeless.sum())):
        return
    good = int(keep.sum()) + missing
    what = _lost_part(part, keep, timeless)
    if not what and missing > max(MOST_TIMELESS * good, FEW_TIMELESS):
        what = f"{missing:,} of {good:,} rows have no usable time"
    if not what:
        return
    ahead = timeless & times.bad.get(FUTURE, np.zeros(len(timeless), bool))
    if 2 * ahead.sum() > missing:
        raise DataError(f"{path}: ", *_in_the_future(column, ahead, good, times, rejected, path))
    raise DataError(
        f"{path}: {what} in column {column} ({rejected.first(path, column)}); read "
        f"are {SPELLINGS}, other text with ",
        Field("time_format"),
        " '%d %B %Y %H:%M' or the like. Mend these rows or take them out, "
        "or read the log in the order of the file with ",
        *column_advice("timestamp", NO_COLUMN),
    )


def _in_the_future(
    column: str,
    ahead: NDArray[np.bool_],
    good: int,
    times: Times,
    rejected: RejectedRows,
    path: Path,
) -> tuple[str | Field, ...]:
    number = int(ahead.sum())
    words, name = times.may_be
    other: tuple[str | Field, ...] = (
        (f". They may be {words}; read them so with ", Field("time_format"), f" {name}")
        if name
        else ("; mend them, or this machine's clock",)
    )
    which = f"all {number:,}" if number == good else f"{number:,} of {good:,}"
    return (
        f"{which} times in column {column} lie in the future, the first on "
        f"{day_of(times.seconds[ahead][0])}: {rejected.first(path, column, FUTURE)}",
        *other,
        ", or read the log in the order of the file with ",
        *column_advice("timestamp", NO_COLUMN),
    )


def _lost_part(
    part: NDArray[np.int8] | None, keep: NDArray[np.bool_], timeless: NDArray[np.bool_]
) -> str:
    """Return, in words, which given part would lose all of its rows or most; empty for none."""
    for code, name in enumerate(PARTS if part is not None else ()):
        missing, kept = (int((rows & (part == code)).sum()) for rows in (timeless, keep))
        if missing and (not kept or missing > max(kept, FEW_TIMELESS)):
            return f"{missing:,} of {missing + kept:,} rows of the {name} part have no usable time"
    return ""


def believable_clock(
    path: Path,
    column: str | None,
    times: Times,
    keep: NDArray[np.int64],
    rejected: RejectedRows,
) -> Times:
    """Return the times, as an order where they are too few to be a clock; either way it is said.

    ``keep`` are the positions of the rows that are read.
    """
    if column is None:
        return times
    seconds = times.seconds[keep]
    if not times.has_clock:
        few = int((seconds < SMALLEST_CLOCK).sum())
        which = "" if few == len(seconds) else f"of which {few:,} are "
        rejected.note(
            f"{path}: column {column} holds numbers from {seconds.min()} to {seconds.max()}, "
            f"{which}too small for times; they stand for an order within each user"
        )
        return times
    # Nearly every log has enough of them in its first rows.
    moments = len(np.unique(seconds[:_LOOKED_AT]))
    if moments < FEW_MOMENTS:
        moments = len(np.unique(seconds))
    if (moments == 1 < len(seconds)) or (moments < FEW_MOMENTS and len(seconds) >= FEW_EVENTS):
        distinct = "one time" if moments == 1 else f"{moments} distinct times"
        rejected.note(
            f"{path}: column {column} holds {distinct} in {len(seconds):,} events; that is an "
            "order within each user, not a clock, and ties stand in the order of the file"
        )
        return replace(times, has_clock=False)
    if seconds.max() < EARLIEST_S:
        words, name = times.may_be
        rejected.note(
            f"{path}: all times in column {column} lie from {day_of(seconds.min())} to "
            f"{day_of(seconds.max())}, long before the logs of shops"
            + (f"; they may be {words}: the time format {name} reads them so" if name else "")
        )
    span = int(seconds.max() - seconds.min())
    if len(seconds) >= FEW_EVENTS and span < _DAY_S:
        rejected.note(
            f"{path}: all events lie within {span / 3600:.1f} hours; a split by time cuts there, "
            "and what is learned of times of day or of lately is learned from them alone"
        )
    return times
