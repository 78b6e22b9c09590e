"""Numbers that count time in another way than unix does: from another year, in other steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.times.numbers import SMALLEST_CLOCK, unix_seconds
from longtail.retrieval.data.files.times.time_column import TimeCells, TimeColumn
from longtail.retrieval.errors import DataError

# Earlier there were hardly any shops whose logs are kept.
EARLIEST_S = 788_918_400  # 1995-01-01
_TOLERANCE_S = 86_400
_SHARE = 0.95
_WHOLE = r"^\s*[+-]?\d+\s*$"


@dataclass(frozen=True)
class Epoch:
    """A way of counting time.

    Attributes:
        name: as ``--time-format`` takes it.
        words: for messages.
        per_second: steps in a second.
        start_s: where it begins, seconds since 1970.
        is_certain: whether unix times of any log never look so.
    """

    name: str
    words: str
    per_second: int
    start_s: int
    is_certain: bool = False


EPOCHS = {
    epoch.name: epoch
    for epoch in (
        Epoch("ticks", ".NET ticks of 0.1 µs since the year 1", 10**7, -62_135_596_800, True),
        Epoch("filetime", "Windows file times of 0.1 µs since 1601", 10**7, -11_644_473_600, True),
        Epoch("webkit", "WebKit's microseconds since 1601", 10**6, -11_644_473_600),
        Epoch("unix100ns", "steps of 0.1 µs since 1970", 10**7, 0),
        Epoch("apple", "Apple's seconds since 2001", 1, 978_307_200),
        Epoch("applens", "Apple's nanoseconds since 2001", 10**9, 978_307_200),
        Epoch("mac1904", "seconds since 1904 of old Macs", 1, -2_082_844_800),
    )
}
# For what really is unix time and looks like something else.
UNIX = "unix"


def other_epoch(found: TimeCells, values: NDArray[Any], column: TimeColumn) -> TimeCells:
    """Return times of numbers, with the epoch that fits better where unix time is hard to believe.

    ``values`` are the numbers as they stand, [n]. They are where most lie before 1995 or in the
    future, and another way of counting makes them believable.

    Raises:
        DataError: that other way is the only one that a log can be of.
    """
    known = ~found.unread & (np.nan_to_num(values) >= SMALLEST_CLOCK)
    if not found.has_clock or not known.any():
        return found
    latest = column.now + _TOLERANCE_S
    middle = np.median(found.seconds[known])
    if EARLIEST_S <= middle <= latest:
        return found
    numbers = values[known].astype(np.int64)
    for epoch in EPOCHS.values():
        passed = numbers // epoch.per_second
        seconds = np.where(passed >= SMALLEST_CLOCK, passed + epoch.start_s, 0)
        if ((seconds >= EARLIEST_S) & (seconds <= latest)).mean() < _SHARE:
            continue
        said = f"{epoch.words}, the first on {day_of(seconds[0])}"
        if not epoch.is_certain:
            return replace(found, may_be=(said, epoch.name))
        raise DataError(
            f"{column.named}: numbers like {numbers[0]} aren't unix times but {said}; read them "
            "with ",
            Field("time_format"),
            f" {epoch.name}, or as unix times nevertheless with ",
            Field("time_format"),
            f" {UNIX}",
        )
    return found


def read_counted(text: Any, name: str) -> TimeCells:
    """Return times of numbers in text, an Arrow string array [n], counted in one way.

    >>> read_counted(pa.array(["638400000000000001", "soon"]), "ticks").seconds.tolist()
    [1704403200, 0]
    """
    unread = ~np.asarray(pc.match_substring_regex(text, r"^\s*[+-]?\d+([.,]\d*)?\s*$"), bool)
    filled = pc.utf8_trim_whitespace(pc.if_else(pa.array(unread), "0", text))
    if pc.all(pc.match_substring_regex(filled, _WHOLE)).as_py():
        # More digits than a float holds.
        whole = np.asarray(pc.cast(pc.utf8_ltrim(filled, "+"), pa.int64()))
        fraction = np.zeros(len(whole))
    else:
        values = np.asarray(pc.cast(pc.replace_substring(filled, ",", "."), pa.float64()))
        whole = np.floor(values).astype(np.int64)
        fraction = values - whole
    if name == UNIX:
        seconds, left = unix_seconds(whole)
    else:
        epoch = EPOCHS[name]
        seconds, steps = np.divmod(whole, epoch.per_second)
        seconds, left = seconds + epoch.start_s, steps * (10**9 // epoch.per_second)
        if epoch.per_second == 1:
            left = (fraction * 1e9).astype(np.int64)
    unread = unread | (whole <= 0)
    return TimeCells(np.where(unread, 0, seconds), np.where(unread, 0, left), unread, True)


def day_of(seconds: float) -> str:
    """Return the day of a moment, seconds since 1970.

    >>> day_of(1_700_000_000)
    '2023-11-14'
    """
    return str(np.datetime64(int(seconds), "s"))[:10]
