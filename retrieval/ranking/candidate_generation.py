"""Which items are worth scoring: the union of the index's, the log's and the sequences' best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.evidence_models import LEADING
from longtail.retrieval.features.history_scores import HistoryScores

# Rows a user from each source. The index is asked with popularity and without: what nobody has
# taken yet only comes up without. From the whole catalog the tail gets a share of its own, so
# that a raised debias has something to raise.
FIRST_STAGE, FIRST_STAGE_PLAIN, FIRST_STAGE_TAIL = 100, 50, 40
LED, LED_TAIL = 100, 40
BY_BEHAVIOUR = 40
BY_SEQUENCE = 50
# Of what is taken lately, and of what rises; from the whole catalog the tail as many again.
BY_CLOCK = 60


def from_behaviour(
    history_scores: Mapping[str, HistoryScores],
    allowed: NDArray[np.bool_],
    exclusions: NDArray[np.int64],
    tail: NDArray[np.bool_] | None,
) -> list[NDArray[np.int64]]:
    """Return what item-to-item weights suggest, [m, c] each; ``tail`` adds the tail's share."""
    lists = []
    for name, matrix_scores in history_scores.items():
        lists.append(
            matrix_scores.top(LED if name == LEADING else BY_BEHAVIOUR, allowed, exclusions)
        )
        if name == LEADING and tail is not None:
            lists.append(matrix_scores.top(LED_TAIL, allowed & tail, exclusions))
    return lists


def among(
    rows: NDArray[np.int32], allowed: NDArray[np.bool_], exclusions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return each user's rows [m, c] that may be answers, -1 for the others.

    ``allowed`` bool [n]; ``exclusions`` are sorted keys ``user * n + row``.

    >>> rows = np.array([[2, 0, -1]], np.int32)
    >>> among(rows, np.array([True, True, True]), np.array([0])).tolist()
    [[2, -1, -1]]
    """
    inside = np.maximum(rows, 0).astype(np.int64)
    keys = np.arange(len(rows))[:, None] * len(allowed) + inside
    kept = (rows >= 0) & allowed[inside] & ~np.isin(keys, exclusions)
    return np.where(kept, inside, -1)


def by_clock(
    clock: ItemClock,
    allowed: NDArray[np.bool_],
    excluded: Histories | None,
    tail: NDArray[np.bool_] | None,
    n_users: int,
) -> list[NDArray[np.int64]]:
    """Return what is taken lately and what rises, the same for all but what each excludes, [m, c].

    ``tail`` adds as many of the tail.
    """
    masks = [allowed] if tail is None else [allowed, allowed & tail]
    found = [_first(order, mask, BY_CLOCK) for mask in masks for order in clock.falling]
    rows = np.unique(np.concatenate(found))
    lists = np.tile(rows, (n_users, 1))
    if excluded is not None:
        for user in range(n_users):
            lists[user, np.isin(rows, excluded[user])] = -1
    return [lists]


def _first(order: NDArray[np.int64], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """Return the first k allowed rows of an order, which is read as far as it must be.

    >>> _first(np.array([3, 1, 0, 2]), np.array([True, False, True, True]), 2).tolist()
    [3, 0]
    """
    depth = 2 * k
    while True:
        rows = order[:depth]
        rows = rows[allowed[rows]]
        if len(rows) >= k or depth >= len(order):
            return rows[:k]
        depth *= 4


def union(lists: list[NDArray[np.int64]], n_items: int) -> NDArray[np.int64]:
    """Return each user's distinct rows, ascending, -1 padded at the end, int64 [m, c].

    >>> union([np.array([[3, 1]]), np.array([[1, -1]])], 5).tolist()
    [[1, 3]]
    """
    joined = np.concatenate(lists, axis=1)
    joined = np.sort(np.where(joined < 0, n_items, joined), axis=1)
    repeated = np.zeros(joined.shape, bool)
    repeated[:, 1:] = joined[:, 1:] == joined[:, :-1]
    joined = np.sort(np.where(repeated, n_items, joined), axis=1)
    width = int((joined < n_items).sum(axis=1).max(initial=0))
    joined = joined[:, :width]
    return np.where(joined < n_items, joined, -1)
