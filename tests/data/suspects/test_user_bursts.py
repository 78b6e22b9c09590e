"""Groups of users whose whole history is the same few items are told; honest logs hold none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.suspects.finding import BURST
from longtail.retrieval.data.suspects.user_bursts import burst_findings, user_bursts

N_ITEMS = 400
TARGET = 399
IDS = np.array([f"i{row}" for row in range(N_ITEMS)], dtype=object)


def honest_histories(n_users: int = 600) -> list[NDArray[np.int64]]:
    """Return histories of people with tastes, in which some items are taken far more often."""
    rng = np.random.default_rng(0)
    histories = []
    for _ in range(n_users):
        taste = int(rng.integers(8))
        weight = 1 / (1 + np.arange(N_ITEMS)) * np.where(np.arange(N_ITEMS) % 8 == taste, 20, 1)
        size = int(rng.integers(3, 25))
        histories.append(rng.choice(N_ITEMS, size, replace=False, p=weight / weight.sum()))
    return histories


def log_of(histories: list[NDArray[np.int64]]) -> Interactions:
    user = np.repeat(np.arange(len(histories)), [len(h) for h in histories]).astype(np.int32)
    item = np.concatenate(histories).astype(np.int32)
    names = np.array([f"u{i}" for i in range(len(histories))], dtype=object)
    return Interactions(names, user, item, np.arange(len(item)), has_clock=False)


def bought(n: int, camouflage: int, taken: int = 4, seed: int = 1) -> list[NDArray[np.int64]]:
    """Return made-up users who take the target and some of a few popular items beside it."""
    rng = np.random.default_rng(seed)
    choice = rng.choice(40, camouflage, replace=False)
    return [np.append(rng.choice(choice, taken, replace=False), TARGET) for _ in range(n)]


def test_an_honest_log_has_none() -> None:
    assert not user_bursts(log_of(honest_histories()), N_ITEMS)


@pytest.mark.parametrize("camouflage", [4, 7, 10])
def test_fifty_made_up_users_for_a_target_are_one_group(camouflage: int) -> None:
    (burst,) = user_bursts(log_of([*honest_histories(), *bought(50, camouflage)]), N_ITEMS)
    assert burst.users >= 50
    assert burst.items[0] == TARGET
    assert burst.of_them >= 50


def test_the_finding_names_the_target_the_users_and_what_else_they_took() -> None:
    (finding,) = burst_findings(log_of([*honest_histories(), *bought(50, 4)]), IDS)
    assert (finding.item_id, finding.reason) == ("i399", BURST)
    assert finding.detail.startswith("50 users took little else than this and i")
    assert finding.like.startswith("i")


@pytest.mark.parametrize("n_items", [20, 50, 100])
def test_a_small_shop_where_nearly_everybody_takes_the_same_has_none(n_items: int) -> None:
    rng = np.random.default_rng(1)
    weight = 1 / (1 + np.arange(n_items))
    sizes = np.clip(rng.poisson(3, 2000), 1, 9)
    weight /= weight.sum()
    log = log_of([rng.choice(n_items, size, replace=False, p=weight) for size in sizes])
    assert not user_bursts(log, n_items)


def test_two_groups_are_two() -> None:
    other = [np.array([1, 5, 9, 398]) for _ in range(30)]
    bursts = user_bursts(log_of([*honest_histories(), *bought(50, 5), *other]), N_ITEMS)
    assert sorted(burst.users for burst in bursts) == [30, 50]


def test_a_few_friends_with_the_same_items_are_honest() -> None:
    assert not user_bursts(log_of([*honest_histories(), *bought(12, 4)]), N_ITEMS)


def test_items_shown_and_not_taken_count_for_nothing() -> None:
    log = log_of([*honest_histories(), *bought(50, 4)])
    label = np.where(log.user >= 600, 0, 1).astype(np.int8)
    shown = Interactions(log.user_ids, log.user, log.item, log.time, False, label=label)
    assert not user_bursts(shown, N_ITEMS)


def test_an_empty_log_has_none() -> None:
    log = log_of(honest_histories(3))
    assert not user_bursts(log.select(np.zeros(len(log), bool)), N_ITEMS)
