"""What the service hears moves the clock of the version that answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import Bundle
from longtail.serving.updates import live_clock
from longtail.serving.updates.live_clock import LiveClock

NOW = 1_600_000_000


@pytest.fixture
def bundle(retriever: Retriever) -> Bundle:
    """The toy shop's engine, with a clock in which one user took the first item."""
    one = np.zeros(1, np.int32)
    log = Interactions(np.array(["u"], object), one, one, np.array([NOW]), has_clock=True)
    clock = ItemClock.of(log, len(retriever.bundle.catalog), [1e3, 1e4, 1e5])
    return replace(retriever.bundle, clock=clock)


def event(bundle: Bundle, row: int, time: int, user: str = "new") -> UserEvent:
    return UserEvent(user, str(bundle.catalog.item_ids[row]), time)


def test_an_event_moves_the_clock_and_counts(bundle: Bundle) -> None:
    live = LiveClock()
    live.add([event(bundle, 5, NOW + 1_000)])
    moved = live.of(bundle)
    assert moved is not None
    assert moved.now == NOW + 1_000
    assert moved.total[5] == 1
    assert moved.recent[0, 0] == pytest.approx(0.5)


def test_without_events_the_run_s_own_clock_answers(bundle: Bundle, retriever: Retriever) -> None:
    assert LiveClock().of(bundle) is bundle.clock
    assert LiveClock().of(retriever.bundle) is None


def test_the_order_of_arrival_and_repeats_change_nothing(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart all events come at once; before, they came one by one."""
    monkeypatch.setattr(live_clock, "MOST_TIME", np.inf)
    events = [event(bundle, 5, NOW + 30), event(bundle, 6, NOW + 10), event(bundle, 5, NOW + 40)]
    one_by_one, at_once = LiveClock(), LiveClock()
    for heard in events:
        one_by_one.add([heard])
        one_by_one.of(bundle)
    at_once.add(events)
    first, second = one_by_one.of(bundle), at_once.of(bundle)
    assert first is not None
    assert second is not None
    assert first.now == second.now == NOW + 30
    assert second.total[5] == 1
    np.testing.assert_allclose(first.recent, second.recent)


def test_events_that_a_renewed_clock_has_seen_do_not_count_twice(bundle: Bundle) -> None:
    live = LiveClock()
    live.add([event(bundle, 5, NOW + 10)])
    assert live.of(bundle) is not bundle.clock
    assert bundle.clock is not None
    renewed = replace(bundle, clock=bundle.clock.moved(NOW + 20))
    moved = live.of(renewed)
    assert moved is not None
    assert moved.total[5] == 0


def test_an_unknown_item_is_nobody_s_pace(bundle: Bundle) -> None:
    live = LiveClock()
    live.add([UserEvent("new", "no such item", NOW + 10)])
    moved = live.of(bundle)
    assert moved is not None
    assert moved.total.sum() == 1


def test_of_a_large_catalog_events_wait_until_moving_the_clock_is_cheap(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveClock()
    monkeypatch.setattr(live_clock, "MOST_TIME", 1e-12)
    live.add([event(bundle, 5, NOW + 10)])
    first = live.of(bundle)
    live.add([event(bundle, 6, NOW + 20)])
    assert live.of(bundle) is first
    monkeypatch.setattr(live._moved[0], "rest_until", 0.0)
    later = live.of(bundle)
    assert later is not None
    assert later.total[6] == 1


class TestOfALearnedLog:
    @pytest.fixture
    def learned(self, bundle: Bundle) -> Bundle:
        """The engine after it learned that one user took the sixth item."""
        log = Interactions(
            np.array(["heard"], object),
            np.zeros(1, np.int32),
            np.array([5], np.int32),
            np.array([NOW + 50]),
            has_clock=True,
        )
        clock = ItemClock.of(log, len(bundle.catalog), [1e3, 1e4, 1e5])
        return replace(bundle, log=log, clock=clock, learned="l0001")

    def test_its_events_count_once(self, learned: Bundle) -> None:
        live = LiveClock()
        live.add([event(learned, 5, NOW + 50, "heard")])
        moved = live.of(learned)
        assert moved is not None
        assert moved.total[5] == 1

    def test_events_that_it_lacks_count_though_they_are_older(self, learned: Bundle) -> None:
        live = LiveClock()
        live.add([event(learned, 6, NOW + 10)])
        moved = live.of(learned)
        assert moved is not None
        assert moved.total[6] == 1
        assert moved.now == NOW + 50
