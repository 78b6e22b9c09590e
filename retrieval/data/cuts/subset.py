"""A part of a log: some days, some users, the newest events, or its dense core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.errors import DataError


@dataclass(frozen=True)
class Subset:
    """Which events of a log are chosen; what is None or 0 chooses all of them.

    Attributes:
        since: the first moment, seconds since 1970.
        until: the first moment that is too late.
        user_share: share of the users, drawn by ``seed``.
        newest: so many of the latest events.
        core: users who took so many items, and items that so many users took.
        seed: another one draws other users.
    """

    since: int | None = None
    until: int | None = None
    user_share: float | None = None
    newest: int | None = None
    core: int = 0
    seed: int = 0


def chosen_events(log: Interactions, subset: Subset) -> NDArray[np.bool_]:
    """Return which events are chosen, bool [m].

    Days first, then users, then the newest events, then the core, so that what is left is one.

    Raises:
        DataError: days or the newest events are asked for and the log has no clock, or nothing
            is left.
    """
    dated = (subset.since, subset.until, subset.newest) != (None, None, None)
    if dated and not log.has_clock:
        raise DataError(
            "days and the newest events need real times; this log has only an order within each "
            "user"
        )
    keep = np.ones(len(log), bool)
    if subset.since is not None:
        keep &= log.time >= subset.since
    if subset.until is not None:
        keep &= log.time < subset.until
    _require(keep, "lies in these days")
    if subset.user_share is not None:
        keep &= _drawn_users(log, keep, subset.user_share, subset.seed)[log.user]
    if subset.newest is not None:
        at = np.flatnonzero(keep)
        keep[at[np.argsort(log.time[at], kind="stable")[: -subset.newest or None]]] = False
    if subset.core > 1:
        keep = _core(log, keep, subset.core)
        _require(keep, f"is in a core of {subset.core}")
    return keep


def _require(keep: NDArray[np.bool_], what: str) -> None:
    if not keep.any():
        raise DataError(f"no event of the log {what}; ask for less")


def _drawn_users(
    log: Interactions, keep: NDArray[np.bool_], share: float, seed: int
) -> NDArray[np.bool_]:
    """Return which users are drawn, bool [n_users]; the order of the file doesn't matter."""
    there = np.unique(log.user[keep])
    by_name = there[np.argsort(log.user_ids[there].astype(str), kind="stable")]
    size = max(round(share * len(by_name)), 1)
    drawn = np.zeros(len(log.user_ids), bool)
    drawn[np.random.default_rng(seed).permutation(by_name)[:size]] = True
    return drawn


def _core(log: Interactions, keep: NDArray[np.bool_], core: int) -> NDArray[np.bool_]:
    """Return which events are of users with ``core`` items and items with ``core`` users left."""
    taken = keep if log.label is None else keep & (log.label == TAKEN)
    n_items = int(log.item.max(initial=-1)) + 1
    pairs = np.unique(log.user[taken].astype(np.int64) * n_items + log.item[taken])
    user, item = np.divmod(pairs, max(n_items, 1))
    while True:
        users = np.bincount(user, minlength=len(log.user_ids)) >= core
        items = np.bincount(item, minlength=n_items) >= core
        stays = users[user] & items[item]
        if stays.all():
            return np.asarray(keep & users[log.user] & items[log.item], dtype=bool)
        user, item = user[stays], item[stays]
