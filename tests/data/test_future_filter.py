"""Is a catalog filtered by its own future? On made-up years, seen up to nine tenths."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from longtail.retrieval.data.clock.future_filter import counts_are_honest, future_filter
from longtail.retrieval.data.interactions import TEST, Interactions
from longtail.retrieval.data.splits import split

N_ITEMS, N_EVENTS, N_USERS = 6_000, 60_000, 4_000


def year(*, arriving: bool = False, seed: int = 0) -> Interactions:
    """Return a year in which every item has a rate of its own from when it came on."""
    rng = np.random.default_rng(seed)
    birth = np.where(rng.random(N_ITEMS) < 0.5, rng.random(N_ITEMS), 0) * arriving
    weight = rng.lognormal(0, 1.3, N_ITEMS) * (1 - birth)
    item = rng.choice(N_ITEMS, N_EVENTS, p=weight / weight.sum()).astype(np.int32)
    time = birth[item] + (1 - birth[item]) * rng.random(N_EVENTS)
    user = rng.integers(0, N_USERS, N_EVENTS).astype(np.int32)
    order = np.lexsort((time, user))
    ids = np.array([f"u{i}" for i in range(N_USERS)], dtype=object)
    seconds = (1_600_000_000 + time[order] * 3e7).astype(np.int64)
    return Interactions(ids, user[order], item[order], seconds, has_clock=True)


def seen(log: Interactions, keep: NDArray[np.bool_]) -> tuple[Interactions, int]:
    """Return what training sees of the items kept, and how many these are."""
    row = (np.cumsum(keep) - 1).astype(np.int32)
    kept = log.select(keep[log.item])
    kept = replace(kept, item=row[kept.item])
    return kept.select(kept.time < np.quantile(kept.time, 0.9)), int(keep.sum())


def events(log: Interactions) -> NDArray[np.int64]:
    return np.bincount(log.item, minlength=N_ITEMS)


@pytest.mark.parametrize("arriving", [False, True])
@pytest.mark.parametrize("least", [5, 10])
def test_items_chosen_by_their_count_in_the_whole_year_are_suspected(
    arriving: bool, least: int
) -> None:
    log = year(arriving=arriving)
    found = future_filter(*seen(log, log.user_counts(N_ITEMS) >= least))
    assert found.suspected
    assert found.least_count in (least - 1, least)
    assert found.items_below < found.expected_below
    assert found.gain_below > found.gain_above
    assert "filtered by its own future" in found.reason
    assert "\n" not in found.reason
    assert json.loads(json.dumps(found.report()))["suspected"] is True


@pytest.mark.parametrize("arriving", [False, True])
@pytest.mark.parametrize("least", [0, 1])
def test_a_catalog_as_it_came_is_not(arriving: bool, least: int) -> None:
    log = year(arriving=arriving)
    assert not future_filter(*seen(log, log.user_counts(N_ITEMS) >= least)).suspected


@pytest.mark.parametrize("least", [5, 10, 20])
def test_items_chosen_by_the_past_alone_are_not(least: int) -> None:
    log = year()
    past = log.select(log.time < np.quantile(log.time, 0.6))
    found = future_filter(*seen(log, past.user_counts(N_ITEMS) >= least))
    assert not found.suspected


def test_a_filter_by_events_is_found_where_users_come_again() -> None:
    log = year()
    again = np.random.default_rng(1).integers(0, 40, len(log)).astype(np.int32)
    few = replace(log, user=np.sort(again), user_ids=log.user_ids[:40])
    order = np.lexsort((few.time, few.user))
    few = replace(few, item=few.item[order], time=few.time[order])
    found = future_filter(*seen(few, events(few) >= 10))
    assert found.suspected


def test_what_was_rejected_counts_as_nothing() -> None:
    log = year()
    kept, n_items = seen(log, log.user_counts(N_ITEMS) >= 5)
    shown = np.zeros(len(kept), np.int8)
    shown[: len(kept) // 50] = 1
    assert "too small to tell" in future_filter(replace(kept, label=shown), n_items).reason


def test_a_small_log_is_too_small_to_tell() -> None:
    log = year()
    few = log.select(log.item < 150)
    found = future_filter(*seen(few, events(few) >= 5))
    assert not found.suspected
    assert "too small to tell" in found.reason


def test_without_a_clock_nothing_came_later() -> None:
    log = year()
    kept, n_items = seen(log, log.user_counts(N_ITEMS) >= 5)
    found = future_filter(replace(kept, has_clock=False), n_items)
    assert not found.suspected
    assert "without clock times" in found.reason


@pytest.mark.parametrize("n_events", [0, 1, 5_000])
def test_any_log_gets_an_answer_all_at_once_too(n_events: int) -> None:
    log = year().select(np.arange(N_EVENTS) < n_events)
    log = replace(log, time=np.full(n_events, 1_600_000_000, np.int64))
    assert not future_filter(log, N_ITEMS).suspected


def test_the_test_part_is_not_read() -> None:
    log = year()
    keep = log.user_counts(N_ITEMS) >= 5
    parts = split(log.select(keep[log.item]))
    whole = parts.interactions
    item = whole.item.copy()
    item[parts.part == TEST] = item[parts.part == TEST][::-1]
    changed = replace(parts, interactions=replace(whole, item=item))
    assert counts_are_honest(parts, N_ITEMS) == counts_are_honest(changed, N_ITEMS)
    assert future_filter(whole, N_ITEMS) != counts_are_honest(parts, N_ITEMS)
