"""What is known of some users, worked out once and asked about any candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.beside.beside_state import BesideState
from longtail.retrieval.features.history_scores import HistoryScores
from longtail.retrieval.features.user_columns import UserLift
from longtail.retrieval.kernels.inner_products import inner_products
from longtail.retrieval.kernels.top_k import best_of_rows

# Cosines held at a time: 64 MiB.
BLOCK = 16 << 20
# Of fewer users, the products are faster without a matrix library.
FEW = 4


@dataclass(frozen=True)
class SequenceScores:
    """What a sequence tower expects next of m users.

    Attributes:
        users: unit vectors, zero without a history, float32 [m, d].
        items: unit vectors of the whole catalog, float32 [n, d].
        own: sorted keys ``user * n + row`` of the histories, int64.
        known: the items that the others are compared with, bool [n]; None: all.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    own: NDArray[np.int64]
    known: NDArray[np.bool_] | None = None

    def nearest(
        self, k: int, allowed: NDArray[np.bool_] | None, exclusions: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return each user's k nearest allowed items and cosines [m, k], ties by row.

        ``allowed`` bool [n], None for all; ``exclusions`` are sorted keys that don't come back.
        Padded with -1 and -inf.
        """
        k = min(k, len(self.items))
        rows = np.full((len(self.users), k), -1, np.int64)
        values = np.full(rows.shape, -np.inf, np.float32)
        mask = np.empty(0, np.bool_) if allowed is None else allowed
        for start, cosines in self._blocks():
            stop = start + len(cosines)
            best_of_rows(cosines, k, mask, exclusions, start, rows[start:stop], values[start:stop])
        return rows, values

    @cached_property
    def highest(self) -> NDArray[np.float32]:
        """Each user's best cosine with a known item outside the history, float32 [m]."""
        _, best = self.nearest(1, self.known, self.own)
        # Of somebody who has the whole catalog nothing is left to be the nearest.
        return np.where(np.isfinite(best[:, 0]), best[:, 0], np.float32(1.0))

    def cosines(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return each user's cosine with the rows [m, c], float32 [m, c]."""
        if self._fits:
            return np.take_along_axis(self._whole, rows, axis=1)
        out = np.empty(rows.shape, np.float32)
        for user, line in enumerate(rows):
            out[user] = self.items[line] @ self.users[user]
        return out

    def _blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the first user and the cosines with the whole catalog of a block of users."""
        if self._fits:
            yield 0, self._whole
            return
        size = max(BLOCK // max(len(self.items), 1), 1)
        for start in range(0, len(self.users), size):
            yield start, self._cosines(self.users[start : start + size])

    @property
    def _fits(self) -> bool:
        return len(self.users) * len(self.items) <= BLOCK

    @cached_property
    def _whole(self) -> NDArray[np.float32]:
        return self._cosines(self.users)

    def _cosines(self, users: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(users) < FEW:
            out = np.empty((len(users), len(self.items)), np.float32)
            inner_products(users, self.items, out)
            return out
        # By torch, whose threads are those that the caller set, and not numpy's own.
        product = torch.from_numpy(users) @ torch.from_numpy(self.items).T
        return np.asarray(product.numpy())


@dataclass(frozen=True)
class UserState:
    """What is known of m users.

    Attributes:
        histories: their past items, oldest first.
        vectors: unit user vectors, zero where nothing is known, float32 [m, d].
        matches: vectors of the last items, newest first, zero-padded, float32 [m, l, d].
        lengths: filled places of `matches`, int32 [m].
        log_counts: mean log(1 + training count) of the whole history, float32 [m].
        mean, deviation: of the cosine of the user with every item of the catalog, float32 [m].
        history_scores: what each item-to-item matrix says, by its name.
        sequence_scores: what each sequence tower expects, by its name.
        totals: sum of the vectors of the whole history, float32 [m, d]; None where only the last
            items are read.
        column_lift: what the users' columns say; None where nothing is known of them.
        beside: what they did beside taking items; None where nothing is known of it.
    """

    histories: Histories
    vectors: NDArray[np.float32]
    matches: NDArray[np.float32]
    lengths: NDArray[np.int32]
    log_counts: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    history_scores: Mapping[str, HistoryScores] = field(default_factory=dict)
    sequence_scores: Mapping[str, SequenceScores] = field(default_factory=dict)
    totals: NDArray[np.float32] | None = None
    column_lift: UserLift | None = None
    beside: BesideState | None = None

    def weighted_lift(self, user: int, n_items: int) -> NDArray[np.float32] | None:
        """Return what a user's columns add to the log of popularity, float32 [n_items].

        None where they add nothing.
        """
        lift = self.column_lift
        if lift is None or not lift.strength or not len(lift.values[user]):
            return None
        return np.float32(lift.strength) * lift.of_catalog(user, n_items)
