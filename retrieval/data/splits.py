"""Which events teach, which choose settings, and which are only asked about at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.users.user_table import UserTable
from longtail.retrieval.errors import DataError

SplitKind = Literal["temporal", "leave-last", "given"]

LEAVE_LAST_LEAKS = (
    "leave-last gives every user's last events to valid and test whenever they happened, so the "
    "train part holds events later than those it is tested on; split by time where there are times"
)


@dataclass(frozen=True)
class Split:
    """An interaction log in three parts.

    Attributes:
        interactions: the whole log, its `part` filled in.
        kind: how it was split.
        warnings: what a reader of the numbers should know, in one line each.
        boundaries: first time of the valid and of the test part (temporal only).
        users: what a users file says of users, of the log and others; None without one.
    """

    interactions: Interactions
    kind: SplitKind
    warnings: tuple[str, ...]
    boundaries: tuple[int, int] | None = None
    users: UserTable | None = None

    @property
    def part(self) -> NDArray[np.int8]:
        """TRAIN, VALID or TEST of every event of `interactions`, int8 [m]."""
        part = self.interactions.part
        return np.zeros(len(self.interactions), np.int8) if part is None else part

    @property
    def is_cut_by_time(self) -> bool:
        """Whether the log has real times, and the train part ends before the valid part."""
        train, valid = self.train.taken().time, self.valid.taken().time
        ordered = not len(train) or not len(valid) or bool(train.max() <= valid.min())
        return self.interactions.has_clock and ordered

    @property
    def train(self) -> Interactions:
        """The events that models are fitted on."""
        return self.interactions.select(self.part == TRAIN)

    @property
    def valid(self) -> Interactions:
        """The events that settings are chosen on."""
        return self.interactions.select(self.part == VALID)

    @property
    def test(self) -> Interactions:
        """The events that nothing but the evaluation reads."""
        return self.interactions.select(self.part == TEST)


def split(
    interactions: Interactions,
    kind: SplitKind | Literal["auto"] = "auto",
    *,
    valid_share: float = 0.1,
    test_share: float = 0.1,
) -> Split:
    """Return the log in train, valid and test.

    ``given`` takes the owner's parts; ``temporal`` cuts all users at the same two moments, so
    that valid and test hold about their share of the events and nothing is learned from the
    future; ``leave-last`` gives each user's last event to test and the one before to valid
    (users with fewer than three taken events stay in train). ``auto`` is the first of these
    that the log allows. The shares matter to ``temporal`` only.

    Raises:
        DataError: the kind is unknown or the log doesn't allow it, the shares leave nothing to
            train on, or the train part is empty.
    """
    if kind == "auto":
        kind = (
            "given"
            if interactions.part is not None
            else "temporal"
            if interactions.has_clock
            else "leave-last"
        )
    boundaries: tuple[int, int] | None = None
    if kind == "given":
        if interactions.part is None:
            raise DataError("split 'given' needs a split column with train, valid and test")
        part = interactions.part
    elif kind == "temporal":
        if not interactions.has_clock:
            raise DataError(
                "split 'temporal' needs real times; this log has only an order within each user: "
                "use --split leave-last"
            )
        part, boundaries = _by_time(interactions.time, valid_share, test_share)
    elif kind == "leave-last":
        part = _leave_last(interactions)
    else:
        raise DataError(f"split {kind!r} is not one of auto, temporal, leave-last, given")
    done = replace(interactions, part=part)
    if not (part[_taken(interactions)] == TRAIN).any():
        raise DataError(
            f"the {kind} split leaves no event to train on ({len(interactions):,} events); use "
            "another split or smaller shares"
        )
    return Split(done, kind, _warnings(done, part, kind), boundaries)


def _taken(log: Interactions) -> NDArray[np.bool_]:
    return np.ones(len(log), bool) if log.label is None else log.label == 1


def _by_time(
    time: NDArray[np.int64], valid_share: float, test_share: float
) -> tuple[NDArray[np.int8], tuple[int, int]]:
    """Return the part of each event and the first times of valid and test.

    Events of one moment are never torn apart: each cut lies between two distinct times, where
    the part's size comes nearest to its share.
    """
    if valid_share < 0 or test_share < 0 or valid_share + test_share >= 1:
        raise DataError(
            f"valid share {valid_share:g} and test share {test_share:g} must not be negative and "
            "must leave something to train on"
        )
    moments, counts = np.unique(time, return_counts=True)
    from_here = np.append(np.cumsum(counts[::-1])[::-1], 0)  # events at or after each moment

    def cut(share: float) -> int:
        return int(np.argmin(np.abs(from_here - share * len(time)))) if share > 0 else len(moments)

    test_from, valid_from = cut(test_share), cut(valid_share + test_share)
    end = int(moments[-1]) + 1 if len(moments) else 0
    starts = [int(moments[i]) if i < len(moments) else end for i in (valid_from, test_from)]
    part = np.full(len(time), TRAIN, np.int8)
    part[time >= starts[0]] = VALID
    part[time >= starts[1]] = TEST
    return part, (starts[0], starts[1])


def _leave_last(log: Interactions) -> NDArray[np.int8]:
    """Return the part of each event; a rejected one goes with the next event taken."""
    taken = _taken(log)
    per_user = np.bincount(log.user[taken], minlength=len(log.user_ids))
    # Taken events of all users up to and including this one, then those of this user after it.
    through = np.cumsum(taken)
    user_end = np.cumsum(per_user)[log.user]
    after = user_end - through
    from_end = np.where(taken, after, np.maximum(after - 1, 0))
    part = np.full(len(log), TRAIN, np.int8)
    part[from_end == 1] = VALID
    part[from_end == 0] = TEST
    part[per_user[log.user] < 3] = TRAIN
    return part


def _warnings(log: Interactions, part: NDArray[np.int8], kind: SplitKind) -> tuple[str, ...]:
    warnings = [LEAVE_LAST_LEAKS] if kind == "leave-last" else []
    empty = [name for name, code in (("valid", VALID), ("test", TEST)) if not (part == code).any()]
    if empty:
        warnings.append(
            f"the {' and '.join(empty)} part{'s are' if len(empty) > 1 else ' is'} empty: "
            + ("nothing can be evaluated" if "test" in empty else "no settings can be chosen on it")
        )
    taught = np.zeros(len(log.user_ids), bool)
    taught[log.user[part == TRAIN]] = True
    test_users = np.unique(log.user[part == TEST])
    if strangers := int((~taught[test_users]).sum()):
        warnings.append(
            f"{strangers:,} of {len(test_users):,} test users have no event in the train part; "
            "who has none in the valid part either is answered without a history"
        )
    return tuple(warnings)
