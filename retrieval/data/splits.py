"""Which events teach, which choose settings, and which are only asked about at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.cuts.split_rule import SplitKind, SplitRule
from longtail.retrieval.data.cuts.time_cuts import cut_moments, known_user_moments
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.data.users.user_table import UserTable
from longtail.retrieval.errors import DataError

LEAVE_LAST_LEAKS = (
    "leave-last gives every user's last events to valid and test whenever they happened, so the "
    "train part holds events later than those it is tested on; split by time where there are times"
)

NO_LOG = "there is no event to learn from: texts alone say what goes together"

# Of the test users; more without a train event are another question.
MANY_STRANGERS = 0.2


@dataclass(frozen=True)
class Split:
    """An interaction log in three parts.

    Attributes:
        interactions: the log, its `part` filled in; with ``temporal-users`` without later events
            of users who aren't known by then.
        kind: how it was split.
        warnings: what a reader of the numbers should know, in one line each.
        boundaries: first time of the valid and of the test part (cut at two moments only).
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
    kind: str = "auto",
    *,
    valid_share: float = 0.1,
    test_share: float = 0.1,
) -> Split:
    """Return the log in train, valid and test.

    ``given`` takes the owner's parts; ``temporal`` cuts all users at the same two moments, so
    that valid and test hold about their share of the taken events and nothing is learned from
    the future; ``temporal-users`` does so with users alone who are known by then, and leaves out
    what others do later; ``leave-last`` gives each user's last event to test and the one before
    to valid (users with fewer than three taken events stay in train). ``auto`` is the first of
    ``given``, ``temporal`` and ``leave-last`` that the log allows. Dates in place of a kind, or
    behind it (`SplitRule.of`), are the two moments. The shares matter where dates don't say it.

    Raises:
        DataError: the kind is unknown or the log doesn't allow it, the shares leave nothing to
            train on, the train part is empty, or a date leaves its part empty.
    """
    rule = SplitRule.of(kind)
    if not len(interactions):
        nothing = replace(interactions, part=np.empty(0, np.int8))
        return Split(nothing, "temporal", (NO_LOG,))
    chosen = _allowed_kind(interactions, rule)
    boundaries: tuple[int, int] | None = None
    left_out = ""
    if chosen == "given" and interactions.part is not None:
        part = interactions.part
    elif chosen == "leave-last":
        part = _leave_last(interactions)
    else:
        taken = interactions.select(_taken(interactions))
        if chosen == "temporal":
            boundaries = cut_moments(taken.time, rule, valid_share, test_share)
        else:
            boundaries = known_user_moments(taken.time, taken.user, rule, valid_share, test_share)
            interactions, left_out = _of_known_users(interactions, taken, boundaries[0])
        part = np.full(len(interactions), TRAIN, np.int8)
        part[interactions.time >= boundaries[0]] = VALID
        part[interactions.time >= boundaries[1]] = TEST
    done = replace(interactions, part=part)
    if not (part[_taken(interactions)] == TRAIN).any():
        raise DataError(
            f"the {kind} split leaves no event to train on ({len(interactions):,} events); use "
            "another split, smaller shares or later dates"
        )
    _refuse_empty_parts(interactions, part, kind, rule)
    warnings = ((left_out,) if left_out else ()) + _warnings(done, part, chosen)
    return Split(done, chosen, warnings, boundaries)


def _refuse_empty_parts(
    log: Interactions, part: NDArray[np.int8], kind: str, rule: SplitRule
) -> None:
    """Refuse dates that leave a part without an event taken; shares may."""
    taken = _taken(log)
    dates = (("valid", VALID, rule.valid_from), ("test", TEST, rule.test_from))
    empty = [
        name
        for name, code, date in dates
        if date is not None and not (taken & (part == code)).any()
    ]
    if not empty or not taken.any():
        return
    days = " to ".join(
        f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%d}"
        for moment in (log.time[taken].min(), log.time[taken].max())
    )
    users = " of users known by then" if rule.kind == "temporal-users" else ""
    raise DataError(
        f"the {kind} split leaves no event{users} in the {' and the '.join(empty)} part; events "
        f"are from {days}: take dates between"
    )


def _allowed_kind(log: Interactions, rule: SplitRule) -> SplitKind:
    kind = rule.kind
    if kind == "auto":
        if log.part is not None:
            return "given"
        return "temporal" if log.has_clock else "leave-last"
    if kind == "given":
        if log.part is None:
            raise DataError("split 'given' needs a split column with train, valid and test")
        return "given"
    if kind == "leave-last":
        return "leave-last"
    if not log.has_clock:
        raise DataError(
            f"split {kind!r} needs real times; this log has only an order within each user: "
            "use --split leave-last"
        )
    return "temporal" if kind == "temporal" else "temporal-users"


def _of_known_users(
    log: Interactions, taken: Interactions, valid_from: int
) -> tuple[Interactions, str]:
    """Return the log without later events of users who take nothing before, and a word on it."""
    known = np.zeros(len(log.user_ids), bool)
    known[taken.user[taken.time < valid_from]] = True
    keep = (log.time < valid_from) | known[log.user]
    if keep.all():
        return log, ""
    users = len(np.unique(log.user[~keep]))
    return log.select(keep), (
        f"{int((~keep).sum()):,} events of {users:,} users who take nothing before the valid part "
        f"({datetime.fromtimestamp(valid_from, UTC):%Y-%m-%d}) are left out; a later date leaves "
        "out fewer"
    )


def _taken(log: Interactions) -> NDArray[np.bool_]:
    return np.ones(len(log), bool) if log.label is None else log.label == TAKEN


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
    taught, taken = np.zeros(len(log.user_ids), bool), _taken(log)
    taught[log.user[taken & (part == TRAIN)]] = True
    test_users = np.unique(log.user[taken & (part == TEST)])
    if strangers := int((~taught[test_users]).sum()):
        warning = (
            f"{strangers:,} of {len(test_users):,} test users have no event in the train part; "
            "who has none in the valid part either is answered without a history"
        )
        if log.has_clock and strangers > MANY_STRANGERS * len(test_users):
            warning += (
                ". The measures are of new users, then: split temporal-users asks about users "
                "alone who are known by then (--split, data.split)"
            )
        warnings.append(warning)
    return tuple(warnings)
