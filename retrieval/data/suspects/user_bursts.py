"""Bought popularity: groups of users whose whole history is the same few items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.suspects.finding import BURST, Finding

# Chosen on real logs, see docs/suspects.md. Users with fewer items say nothing of what they have in
# common, and those with more are no throwaways.
FEWEST_ITEMS, MOST_ITEMS = 3, 30
# Items that a group has in common, and the share of a history that lies among them.
COMMON, WITHIN = 10, 0.8
LEAST_USERS, LEAST_SHARE = 15, 0.25
# Of everybody else's events, what those items hold at most: where a few items are what nearly
# everybody takes, as in small catalogs, having them in common is no sign.
MOST_HELD = 0.25
# Of the group, who take an item that belongs to it.
TAKERS = 0.2
_SHOWN = 5


@dataclass(frozen=True)
class Burst:
    """Users with the same few items.

    Attributes:
        users: how many, and nearly all of their events are with these items.
        items: catalog rows, those first whose takers are the group's most of all, int64.
        takers: how many users took the first of them in all.
        of_them: how many of those are the group's.
    """

    users: int
    items: NDArray[np.int64]
    takers: int
    of_them: int


def burst_findings(log: Interactions, item_ids: NDArray[np.object_]) -> list[Finding]:
    """Return one finding a group, of the item that owes it the most."""
    findings = []
    for burst in user_bursts(log, len(item_ids)):
        first, *others = (str(item_ids[row]) for row in burst.items)
        more = f" and {len(others) - _SHOWN:,} more" if len(others) > _SHOWN else ""
        detail = (
            f"{burst.users:,} users took little else than this and {', '.join(others[:_SHOWN])}"
            f"{more}; they are {burst.of_them:,} of the {burst.takers:,} who took it"
        )
        findings.append(Finding(first, BURST, detail, others[0] if others else ""))
    return findings


def new_bursts(
    log: Interactions, before: Interactions, item_ids: NDArray[np.object_]
) -> list[Finding]:
    """Return `burst_findings` on the items for which the log of before had none."""
    found = burst_findings(log, item_ids)
    known = {finding.item_id for finding in burst_findings(before, item_ids)} if found else set()
    return [finding for finding in found if finding.item_id not in known]


def user_bursts(log: Interactions, n_items: int) -> list[Burst]:
    """Return groups of users with the same few items, the largest first; no user is in two."""
    taken = log.taken()
    pairs = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
    counts = np.bincount(pairs % n_items, minlength=n_items)
    short = _Short.of(pairs // n_items, pairs % n_items, n_items)
    sizes = {}
    for row in np.flatnonzero(counts >= LEAST_USERS).tolist():
        size = len(short.group(row))
        if size >= LEAST_USERS and size >= LEAST_SHARE * counts[row]:
            sizes[row] = size
    bursts = []
    while sizes:
        row = max(sizes, key=lambda item: (sizes[item], -item))
        users = short.group(row)
        if len(users) < sizes[row]:
            # Some were in a group that is known by now.
            sizes[row] = len(users)
            if len(users) < LEAST_USERS:
                del sizes[row]
            continue
        bursts.append(_burst(users, short, counts))
        short.free[users] = False
        del sizes[row]
    return bursts


def _burst(users: NDArray[np.int64], short: _Short, counts: NDArray[np.int64]) -> Burst:
    items, theirs = np.unique(short.items_of(users), return_counts=True)
    common = theirs >= TAKERS * len(users)
    items, theirs = items[common], theirs[common]
    order = np.argsort(-(theirs / counts[items]), kind="stable")
    first = order[0]
    return Burst(len(users), items[order], int(counts[items[first]]), int(theirs[first]))


class _Short:
    """The histories that are neither too short nor too long, by user and by item."""

    def __init__(self, user: NDArray[np.int64], item: NDArray[np.int64], n_items: int) -> None:
        self._item = item
        self._lengths = np.bincount(user)
        self._starts = np.concatenate([[0], np.cumsum(self._lengths)])
        self._by_item = user[np.argsort(item, kind="stable")]
        taken = np.bincount(item, minlength=n_items)
        self._item_starts = np.concatenate([[0], np.cumsum(taken)])
        self.free = np.ones(len(self._lengths), bool)

    @classmethod
    def of(cls, user: NDArray[np.int64], item: NDArray[np.int64], n_items: int) -> _Short:
        """Return the short histories among distinct events, sorted by user."""
        lengths = np.bincount(user)
        kept = ((lengths >= FEWEST_ITEMS) & (lengths <= MOST_ITEMS))[user]
        numbered = np.unique(user[kept], return_inverse=True)[1].astype(np.int64)
        return cls(numbered, item[kept], n_items)

    def items_of(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the items of these users, one history after the other."""
        lengths = self._lengths[users]
        before = np.cumsum(lengths) - lengths
        places = np.repeat(self._starts[users] - before, lengths) + np.arange(lengths.sum())
        return np.asarray(self._item[places])

    def group(self, row: int) -> NDArray[np.int64]:
        """Return who took this item and else little but what most of its takers took."""
        takers = self._by_item[self._item_starts[row] : self._item_starts[row + 1]]
        takers = takers[self.free[takers]]
        if len(takers) < LEAST_USERS:
            return takers[:0]
        items = self.items_of(takers)
        distinct, times = np.unique(items, return_counts=True)
        common = distinct[np.argsort(-times, kind="stable")[: COMMON + 1]]
        owner = np.repeat(np.arange(len(takers)), self._lengths[takers])
        inside = np.bincount(owner[np.isin(items, common)], minlength=len(takers))
        held = (self._item_starts[common + 1] - self._item_starts[common]).sum() - inside.sum()
        if held > MOST_HELD * (len(self._item) - len(items)):
            return takers[:0]
        return takers[inside >= WITHIN * self._lengths[takers]]
