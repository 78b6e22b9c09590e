"""The log to learn: whole, or what is new on top of what the run holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from longtail.retrieval.data.interactions import VALID, Interactions
from longtail.retrieval.errors import DataError
from longtail.training.learning.logs import check_whole, held_events, on_top
from longtail.training.learning.newest import newest_events

DAY = 86_400


def log_of(*events: tuple[str, int, int], has_clock: bool = True) -> Interactions:
    """Return a log of (user, item, day), sorted as logs are."""
    events = tuple(sorted(events, key=lambda e: (e[0], e[2])))
    ids = list(dict.fromkeys(user for user, _, _ in events))
    user = [ids.index(u) for u, _, _ in events]
    days = np.array([day for _, _, day in events], np.int64)
    return Interactions(
        np.array(ids, object),
        np.array(user, np.int32),
        np.array([item for _, item, _ in events], np.int32),
        1_600_000_000 + DAY * days if has_clock else days,
        has_clock,
    )


OLD = log_of(("ann", 1, 0), ("ann", 2, 1), ("bob", 1, 0), ("bob", 3, 2))


def test_events_are_known_again_by_user_item_and_time() -> None:
    later = log_of(("zoe", 1, 0), ("ann", 1, 0), ("ann", 2, 5), ("bob", 3, 2))
    assert held_events(later, OLD).tolist() == [True, False, True, False]


def test_new_events_go_on_top_each_once() -> None:
    more = log_of(("zoe", 4, 3), ("bob", 3, 2), ("ann", 5, 0))
    log = on_top(OLD, more)
    assert log.user_ids.tolist() == ["ann", "bob", "zoe"]
    assert log.user.tolist() == [0, 0, 0, 1, 1, 2]
    assert log.item.tolist() == [1, 5, 2, 1, 3, 4]
    assert log.part is None


def test_what_was_refused_and_is_taken_now_is_new() -> None:
    refused = replace(OLD, label=np.array([1, 0, 1, 1], np.int8), has_clock=False)
    log = on_top(refused, log_of(("ann", 2, 9), ("bob", 1, 9)))
    assert log.item.tolist() == [1, 2, 2, 1, 3]
    assert log.label is not None
    assert log.label.tolist() == [1, 0, 1, 1, 1]


def test_an_order_goes_on_where_it_ended() -> None:
    log = on_top(replace(OLD, time=np.arange(4), has_clock=False), log_of(("ann", 7, 9)))
    assert log.item.tolist() == [1, 2, 7, 1, 3]
    assert log.time.tolist() == [0, 1, 4, 2, 3]
    assert not log.has_clock


def test_only_the_increment_is_told_with_the_option_for_it() -> None:
    with pytest.raises(DataError, match="seems to hold only what is new"):
        check_whole(log_of(("ann", 9, 9), ("ann", 1, 0)), OLD, force=False)


def test_a_clock_that_runs_backwards_is_told() -> None:
    earlier = OLD.select(OLD.item != 3)
    with pytest.raises(DataError, match=r"of 2020-09-14, .* to 2020-09-15"):
        check_whole(earlier, OLD, force=False)
    check_whole(earlier, OLD, force=True)


def test_the_newest_event_may_be_missing() -> None:
    minutes_earlier = replace(OLD, time=np.minimum(OLD.time, OLD.time.max() - 60))
    check_whole(minutes_earlier, OLD, force=False)


def test_a_log_that_has_lost_its_clock_is_refused() -> None:
    with pytest.raises(DataError, match="none that are a clock"):
        check_whole(replace(OLD, has_clock=False), OLD, force=True)


class TestTheNewestEvents:
    log = log_of(*(("ann", day, day) for day in range(20)), ("bob", 1, 0), ("bob", 2, 25))

    def test_are_a_tenth_of_the_log_by_time(self) -> None:
        cut = newest_events(self.log, np.zeros(22, bool), max_users=9, seed=0)
        assert cut is not None
        assert sorted(cut.window.item.tolist()) == [2, 19]
        assert len(cut.before) == 20

    def test_are_at_most_half_of_what_is_new(self) -> None:
        seen = self.log.time < self.log.time.max() - 7 * DAY
        cut = newest_events(self.log, seen, max_users=9, seed=0)
        assert cut is not None
        assert cut.window.item.tolist() == [2]

    def test_of_one_moment_are_no_more_than_half_of_what_is_new(self) -> None:
        same_day = np.minimum(self.log.time, self.log.time.max() - 15 * DAY)
        log = replace(self.log, time=same_day)
        cut = newest_events(log, log.time < log.time.max(), max_users=9, seed=0)
        assert cut is not None
        assert (cut.part == VALID).sum() == 2

    def test_are_none_where_all_was_seen(self) -> None:
        assert newest_events(self.log, np.ones(22, bool), max_users=9, seed=0) is None

    def test_are_last_events_where_there_is_no_clock(self) -> None:
        cut = newest_events(
            replace(self.log, has_clock=False), np.zeros(22, bool), max_users=9, seed=0
        )
        assert cut is not None
        assert sorted(cut.window.item.tolist()) == [2, 19]
