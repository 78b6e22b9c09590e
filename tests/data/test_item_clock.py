"""How lately items were taken: known answers, moments, and no look ahead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.clock.item_clock import NEVER, SMOOTHING, ItemClock
from longtail.retrieval.data.interactions import Interactions

N_ITEMS = 6
HALF_LIVES = (10.0, 40.0, 160.0)


def log_of(events: list[tuple[int, int, int]]) -> Interactions:
    """Return a log of (user, time, item)."""
    ordered = sorted(events)
    user, time, item = np.array(ordered, np.int64).reshape(-1, 3).T
    users = np.array([f"u{i}" for i in range(10)], dtype=object)
    return Interactions(
        users, user.astype(np.int32), item.astype(np.int32), time.copy(), has_clock=True
    )


def clocks_are_equal(one: ItemClock, other: ItemClock) -> None:
    assert one.now == other.now
    for name in ("recent", "total", "first", "last"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), err_msg=name)


EVENTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 200), st.integers(0, N_ITEMS - 1)),
    min_size=1,
    max_size=40,
)


def test_a_taking_counts_half_after_each_half_life() -> None:
    clock = ItemClock.of(log_of([(0, 0, 1), (1, 20, 1), (2, 40, 2)]), N_ITEMS, [20.0])
    np.testing.assert_allclose(clock.recent[0], [0, 0.75, 1, 0, 0, 0])
    assert clock.total.tolist() == [0, 2, 1, 0, 0, 0]
    assert (clock.first[1], clock.last[1], clock.first[0]) == (0, 20, NEVER)


def test_a_user_counts_once_for_an_item_at_the_last_time() -> None:
    often = ItemClock.of(log_of([(0, 0, 1), (0, 40, 1)]), N_ITEMS, [20.0])
    assert often.recent[0, 1] == 1.0
    assert often.total[1] == 1.0


@given(EVENTS, st.integers(0, 200), st.randoms())
def test_what_comes_after_the_moment_moves_nothing(
    events: list[tuple[int, int, int]], now: int, random: object
) -> None:
    """The future may be shuffled: other users, other items, other times, or none at all."""
    before = [event for event in events if event[1] <= now]
    future = [event for event in events if event[1] > now]
    shuffled = [
        (random.randrange(10), random.randrange(now + 1, 400), random.randrange(N_ITEMS))  # type: ignore[attr-defined]
        for _ in future
    ]
    with_future = ItemClock.of(log_of(events), N_ITEMS, HALF_LIVES, now=now)
    clocks_are_equal(
        with_future, ItemClock.of(log_of(before + shuffled), N_ITEMS, HALF_LIVES, now=now)
    )


@given(EVENTS, EVENTS)
def test_events_told_later_are_as_if_they_had_been_in_the_log(
    before: list[tuple[int, int, int]], after: list[tuple[int, int, int]]
) -> None:
    known = {(user, item) for user, _, item in before}
    start = max(time for _, time, _ in before)
    fresh: dict[tuple[int, int], int] = {}
    for user, time, item in after:
        if (user, item) not in known:
            fresh.setdefault((user, item), start + time)
    told = [(user, time, item) for (user, item), time in fresh.items()]
    clock = ItemClock.of(log_of(before), N_ITEMS, HALF_LIVES)
    moved = clock.with_taken(
        np.array([item for _, _, item in told], np.int64),
        np.array([time for _, time, _ in told], np.int64),
    )
    whole = ItemClock.of(log_of(before + told), N_ITEMS, HALF_LIVES)
    clocks_are_equal(moved, whole)


def test_rates_are_the_same_in_a_log_twice_as_long() -> None:
    """Every event comes twice, by other users: no rate moves, and no cold item's."""
    events = [(0, 0, 1), (1, 20, 1), (2, 40, 2), (3, 40, 3)]
    twice = events + [(user + 5, time, item) for user, time, item in events]
    once, again = (ItemClock.of(log_of(e), N_ITEMS, HALF_LIVES) for e in (events, twice))
    np.testing.assert_allclose(once.log_rates, again.log_rates, rtol=1e-6)
    assert once.log_rates[0, 0] == pytest.approx(np.log(SMOOTHING / (1 + SMOOTHING)))


def test_a_moment_later_nothing_but_the_pace_has_changed() -> None:
    clock = ItemClock.of(log_of([(0, 0, 1), (1, 20, 2)]), N_ITEMS, [20.0])
    later = clock.moved(40)
    np.testing.assert_allclose(later.recent, clock.recent / 2)
    assert later.total is clock.total
    assert clock.moved(10) is clock


def test_rows_that_come_later_were_never_taken(tmp_path: Path) -> None:
    clock = ItemClock.of(log_of([(0, 0, 1), (1, 20, 2)]), N_ITEMS, HALF_LIVES)
    served = clock.take(np.array([2, -1, 1]))
    assert served.total.tolist() == [1, 0, 1]
    assert served.last.tolist() == [20, NEVER, 0]
    assert served.ages[:, 1].tolist() == [-1, -1]
    served.save(tmp_path / "clock.safetensors")
    read = ItemClock.load(tmp_path / "clock.safetensors", n_items=3)
    assert read is not None
    assert read.half_lives == served.half_lives
    clocks_are_equal(read, served)
    assert ItemClock.load(tmp_path / "none.safetensors", n_items=3) is None


def test_a_file_of_another_catalog_or_none_at_all_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "clock.safetensors"
    ItemClock.of(log_of([(0, 0, 1)]), N_ITEMS, HALF_LIVES).save(path)
    with pytest.raises(DamagedFileError, match="another catalog"):
        ItemClock.load(path, n_items=N_ITEMS + 1)
    path.write_bytes(b"no tensors")
    with pytest.raises(DamagedFileError, match="can't be read"):
        ItemClock.load(path, n_items=N_ITEMS)


def test_one_time_for_all_is_no_reason_for_numbers_that_are_none() -> None:
    clock = ItemClock.of(log_of([(0, 7, 1), (1, 7, 2)]), N_ITEMS, HALF_LIVES)
    assert np.isfinite(clock.log_rates).all()
    assert np.isfinite(replace(clock, now=7).ages).all()


def test_rows_fall_by_rate_with_ties_by_row() -> None:
    clock = ItemClock.of(log_of([(0, 0, 4), (1, 20, 2), (2, 20, 1)]), N_ITEMS, [20.0])
    assert clock.falling.tolist() == [[1, 2, 4, 0, 3, 5]]
