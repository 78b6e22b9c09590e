"""From histories to ranked rows: user vectors, first-stage search, relevance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from index.vector_index import SearchResult, VectorIndex
from retrieval.bundle import Bundle
from retrieval.errors import QueryError
from retrieval.evidence import gather_evidence
from retrieval.interactions import Histories
from retrieval.popularity import BUCKETS, POOLS, Pool
from retrieval.towers.user_tower import ItemSource

USERS_PER_BATCH = 256


@dataclass(frozen=True)
class Taste:
    """What is known of m users: their vectors and the vectors of what they took last.

    Attributes:
        vectors: unit user vectors, zero where nothing is known, float32 [m, d].
        matches: vectors of the last items, newest first, zero-padded, float32 [m, l, d].
        lengths: filled places of `matches`, int32 [m].
        log_counts: mean log(1 + training count) of the whole history, float32 [m].
    """

    vectors: NDArray[np.float32]
    matches: NDArray[np.float32]
    lengths: NDArray[np.int32]
    log_counts: NDArray[np.float32]

    def one(self, user: int) -> Taste:
        """Return the taste of one of the users, m = 1."""
        part = slice(user, user + 1)
        return Taste(
            self.vectors[part], self.matches[part], self.lengths[part], self.log_counts[part]
        )


@dataclass(frozen=True)
class Ranking:
    """Turns tastes into ranked catalog rows with one bundle and its index."""

    bundle: Bundle
    index: VectorIndex

    def taste(self, histories: Histories) -> Taste:
        """Return what the towers make of histories (oldest first)."""
        tower = self.bundle.user_tower
        rows, lengths = histories.last(tower.max_history)
        distinct = np.unique(rows[rows >= 0]).astype(np.int64)
        local = np.where(rows >= 0, np.searchsorted(distinct, rows), -1)
        if len(distinct) == 0:
            empty = np.zeros((len(rows), self.index.dim), np.float32)
            return Taste(empty, empty[:, None, :], lengths, np.zeros(len(rows), np.float32))
        vectors = self.index.vectors(distinct)
        tokens = None
        if tower.reads_tokens:
            texts = self.bundle.catalog.texts(distinct)
            tokens = self.bundle.item_tower.tokenise(texts)
        source = ItemSource(torch.from_numpy(vectors), torch.from_numpy(distinct), tokens)
        with torch.no_grad():
            found = tower(torch.from_numpy(local.astype(np.int64)), source).numpy()
        matches = vectors[np.maximum(local, 0)] * (local >= 0)[..., None]
        log_count = np.log1p(self.bundle.popularity.counts[histories.items])
        totals = np.add.reduceat(np.append(log_count, 0.0), histories.offsets[:-1])
        sizes = np.diff(histories.offsets)
        mean = np.where(sizes > 0, totals / np.maximum(sizes, 1), 0.0)
        return Taste(
            found.astype(np.float32), matches.astype(np.float32), lengths, mean.astype(np.float32)
        )

    def text_taste(self, texts: list[str]) -> Taste:
        """Return free texts as tastes: each is one past item with that description."""
        vectors = self.bundle.item_tower.encode(texts)
        ones = np.ones(len(texts), np.int32)
        return Taste(vectors, vectors[:, None, :], ones, np.zeros(len(texts), np.float32))

    def search(
        self,
        taste: Taste,
        k: int,
        *,
        pool: Pool,
        debias: float,
        excluded: Histories | None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> SearchResult:
        """Return the k rows of the pool with the highest debiased score, per user.

        The score is ``cosine / temperature + (popularity_weight - debias) * log p`` (log p
        less its catalog mean). Rows in ``excluded`` (aligned with the users) never come back.
        """
        serving = self.bundle.serving
        return self.index.search(
            np.ascontiguousarray(taste.vectors / np.float32(serving.temperature)),
            k,
            popularity_weight=serving.popularity_weight - debias,
            segments=[BUCKETS[code] for code in POOLS[pool]],
            excluded=None
            if excluded is None
            else (excluded.offsets, excluded.items.astype(np.int64)),
            allowed=allowed,
        )

    def relevance(self, taste: Taste, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the head's probability for each user's rows [m, c]; NaN for padding (-1)."""
        present = rows >= 0
        candidates = np.zeros((*rows.shape, self.index.dim), np.float32)
        candidates[present] = self.index.vectors(rows[present])
        evidence = gather_evidence(
            taste.vectors,
            taste.matches,
            taste.lengths,
            taste.log_counts,
            candidates,
            self.bundle.popularity.counts[np.maximum(rows, 0)],
            counts=self.bundle.relevance.shape.counts,
        )
        found = self.bundle.relevance.probability(evidence)
        # A user of whom nothing is known has no probability; the head never saw such a pair.
        return np.where(present & (taste.lengths > 0)[:, None], found, np.float32(np.nan))

    def most_popular(
        self, k: int, *, pool: Pool, excluded: NDArray[np.int32], allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """Return the pool's rows by training count, ties by row: the answer without a history."""
        popularity = self.bundle.popularity
        eligible = popularity.in_pool(pool)
        if allowed is not None:
            eligible &= allowed
        eligible[excluded] = False
        rows = np.flatnonzero(eligible)
        return rows[np.argsort(-popularity.counts[rows], kind="stable")][:k].astype(np.int64)


def check_request(k: int, pool: str, debias: float) -> None:
    """Refuse a request that has no answer.

    Raises:
        QueryError: k below 1, an unknown pool, or a debias outside [0, 1].
    """
    if k < 1:
        raise QueryError(f"k is {k}; ask for at least one item")
    if pool not in POOLS:
        raise QueryError(f"pool {pool!r} is not one of {', '.join(POOLS)}")
    if not 0.0 <= debias <= 1.0:
        raise QueryError(f"debias is {debias}; it lies between 0 and 1")
