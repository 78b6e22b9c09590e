"""The two moments at which a log is cut, so that valid and test hold about their shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.cuts.split_rule import SplitRule
from longtail.retrieval.errors import DataError


def cut_moments(
    time: NDArray[np.int64], rule: SplitRule, valid_share: float, test_share: float
) -> tuple[int, int]:
    """Return the first times of the valid and of the test part.

    ``time`` are the times of the events that count, int64 [m]. What the rule gives as dates is
    taken as it is. Events of one moment are never torn apart: each cut lies between two distinct
    times, where the part's size comes nearest to its share.

    Raises:
        DataError: the shares leave nothing to train on.
    """
    _check(valid_share, test_share)
    test_from, valid_from = rule.test_from, rule.valid_from
    if test_from is None:
        test_from = _cut(time, test_share)
        whole, share = time, valid_share + test_share
    else:
        # Of what lies before the date.
        whole, share = time[time < test_from], valid_share / (1 - test_share)
    if valid_from is None:
        valid_from = min(_cut(whole, share), test_from)
    return valid_from, test_from


def known_user_moments(
    time: NDArray[np.int64],
    user: NDArray[np.int32],
    rule: SplitRule,
    valid_share: float,
    test_share: float,
) -> tuple[int, int]:
    """Return the first times of the valid and of the test part, of known users alone.

    A known user has an event before the valid part; later events of others don't count. The cut
    is the latest at which the events of known users reach their share, or where they are most.

    Raises:
        DataError: the shares leave nothing to train on, or no user comes again.
    """
    _check(valid_share, test_share)
    dated = rule.valid_from is not None and rule.test_from is not None
    if not len(time) or dated or valid_share + test_share == 0:
        return cut_moments(time, rule, valid_share, test_share)
    first = np.full(int(user.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, user, time)
    start = rule.valid_from
    if start is None and rule.test_from is not None:
        start = cut_moments(time, rule, valid_share, test_share)[0]
    if start is None:
        moments = np.unique(time)
        ordered, first_of_user = np.sort(time), np.sort(first[user])
        later = len(time) - np.searchsorted(ordered, moments)
        strangers = len(time) - np.searchsorted(first_of_user, moments)
        held, kept = later - strangers, len(time) - strangers
        if not held.any():
            raise DataError(
                "split temporal-users: no user has taken anything at two times; use another split"
            )
        enough = np.flatnonzero(held >= (valid_share + test_share) * np.maximum(kept, 1))
        start = int(moments[enough[-1] if len(enough) else held.argmax()])
    if rule.test_from is not None:
        return start, rule.test_from
    held_times = time[(time >= start) & (first[user] < start)]
    test_of_held = test_share / max(valid_share + test_share, 1e-9)
    return start, max(_cut(held_times, test_of_held), start)


def _check(valid_share: float, test_share: float) -> None:
    if valid_share < 0 or test_share < 0 or valid_share + test_share >= 1:
        raise DataError(
            f"valid share {valid_share:g} and test share {test_share:g} must not be negative and "
            "must leave something to train on"
        )


def _cut(time: NDArray[np.int64], share: float) -> int:
    """Return the moment from which on about this share of the events lies."""
    moments, counts = np.unique(time, return_counts=True)
    from_here = np.append(np.cumsum(counts[::-1])[::-1], 0)  # events at or after each moment
    at = int(np.argmin(np.abs(from_here - share * len(time)))) if share > 0 else len(moments)
    end = int(moments[-1]) + 1 if len(moments) else 0
    return int(moments[at]) if at < len(moments) else end
