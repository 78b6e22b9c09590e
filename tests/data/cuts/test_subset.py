"""Parts of a log: days, users, the newest events, and the core, in this order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.cuts.subset import Subset, chosen_events
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import SEEN, TAKEN
from longtail.retrieval.errors import DataError


def log_of(
    pairs: list[tuple[int, int]], label: list[int] | None = None, *, clock: bool = True
) -> Interactions:
    """Return a log of (user, item) events, one a second, given by user."""
    users = np.array([user for user, _ in pairs], np.int32)
    order = np.argsort(users, kind="stable")
    return Interactions(
        user_ids=np.array([f"u{n}" for n in range(int(users.max()) + 1)], dtype=object),
        user=users[order],
        item=np.array([item for _, item in pairs], np.int32)[order],
        time=np.arange(len(pairs), dtype=np.int64)[order],
        has_clock=clock,
        label=None if label is None else np.array(label, np.int8)[order],
    )


def test_days_are_from_the_first_and_before_the_last() -> None:
    log = log_of([(0, n) for n in range(10)])
    keep = chosen_events(log, Subset(since=3, until=6))
    assert log.time[keep].tolist() == [3, 4, 5]


def test_the_newest_events_are_so_many() -> None:
    log = log_of([(n % 3, n) for n in range(20)])
    assert sorted(log.time[chosen_events(log, Subset(newest=4))].tolist()) == [16, 17, 18, 19]
    assert chosen_events(log, Subset(newest=99)).all()
    keep = chosen_events(log, Subset(until=10, newest=2))
    assert sorted(log.time[keep].tolist()) == [8, 9]


def test_a_share_of_the_users_comes_whole_and_again_with_the_same_seed() -> None:
    log = log_of([(n % 20, n) for n in range(100)])
    keep = chosen_events(log, Subset(user_share=0.25))
    users = set(log.user[keep].tolist())
    assert len(users) == 5
    assert keep.sum() == 25
    assert (keep == chosen_events(log, Subset(user_share=0.25))).all()
    assert (keep != chosen_events(log, Subset(user_share=0.25, seed=1))).any()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60))
def test_in_the_core_everyone_has_enough_and_nothing_can_be_added(
    pairs: list[tuple[int, int]],
) -> None:
    log = log_of(pairs)
    try:
        keep = chosen_events(log, Subset(core=2))
    except DataError:
        keep = np.zeros(len(log), bool)
    left = {(u, i) for u, i in zip(log.user[keep], log.item[keep], strict=True)}
    for place in (0, 1):
        own = [pair[place] for pair in left]
        assert all(own.count(one) >= 2 for one in own)
    # The reference: take out whoever has too few, one at a time.
    rest = set(pairs)
    while True:
        poor = [
            p
            for p in rest
            if sum(q[0] == p[0] for q in rest) < 2 or sum(q[1] == p[1] for q in rest) < 2
        ]
        if not poor:
            break
        rest.discard(poor[0])
    assert left == rest


def test_looks_make_no_core_and_stay_with_it() -> None:
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 1), (2, 0), (2, 1)]
    label = [TAKEN, TAKEN, TAKEN, TAKEN, SEEN, SEEN, SEEN]
    log = log_of(pairs, [int(code) for code in label])
    keep = chosen_events(log, Subset(core=2))
    assert sorted(log.time[keep].tolist()) == [0, 1, 2, 3, 4]


def test_what_leaves_nothing_or_needs_times_is_an_error() -> None:
    with pytest.raises(DataError, match="lies in these days"):
        chosen_events(log_of([(0, 0)]), Subset(since=100))
    with pytest.raises(DataError, match="is in a core of 3"):
        chosen_events(log_of([(0, 0), (0, 1)]), Subset(core=3))
    for subset in (Subset(since=1), Subset(until=1), Subset(newest=1)):
        with pytest.raises(DataError, match="need real times"):
            chosen_events(log_of([(0, 0)], clock=False), subset)
    assert chosen_events(log_of([(0, 0), (0, 1)], clock=False), Subset()).all()
