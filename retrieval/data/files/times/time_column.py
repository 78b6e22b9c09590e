"""What is known of a column before its times are read, and what reading it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TimeColumn:
    """A column that times are read from.

    Attributes:
        named: file and column, for messages.
        now: this moment, unix seconds.
        is_order: whether its name says that it is an order (``position``).
        says_time: whether its name says that it holds times.
    """

    named: str
    now: float
    is_order: bool = False
    says_time: bool = True


@dataclass(frozen=True)
class TimeCells:
    """What the cells of a column say, taken for times or for an order.

    Attributes:
        seconds: since 1970 in UTC, or the ordinals as they stand, int64 [n].
        nanoseconds: what is left of a second, int64 [n].
        unread: cells that stand for nothing, bool [n].
        has_clock: whether these are times.
        may_be: what they may be instead, in words, and the format that reads them so.
    """

    seconds: NDArray[np.int64]
    nanoseconds: NDArray[np.int64]
    unread: NDArray[np.bool_]
    has_clock: bool
    may_be: tuple[str, str] = ("", "")
