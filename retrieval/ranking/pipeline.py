"""From histories to ranked rows: tastes, candidates, relevance, and the popularity dial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from longtail.index.search.query import SearchQuery, SearchResult
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.interactions import TRAIN, Histories
from longtail.retrieval.data.popularity import BUCKETS, HEAD, POOLS, Pool
from longtail.retrieval.errors import QueryError
from longtail.retrieval.features.features import gather_features
from longtail.retrieval.features.user_state import UserState
from longtail.retrieval.ranking.candidate_generation import (
    FIRST_STAGE,
    FIRST_STAGE_PLAIN,
    FIRST_STAGE_TAIL,
    excluded_keys,
    from_behaviour,
    from_sequences,
    union,
)
from longtail.retrieval.ranking.item_vectors import ItemVectors
from longtail.retrieval.ranking.rerank.popularity_profile import (
    PopularityProfile,
    PopulationProfile,
    mass_bands,
)
from longtail.retrieval.ranking.rerank.rerank import Rerank, rerank
from longtail.retrieval.ranking.rerank.scored_candidates import Candidates
from longtail.retrieval.ranking.user_encoding import UserEncoder, vector_state
from longtail.retrieval.run.bundle import Bundle

USERS_PER_BATCH = 256
# Of a user's profile; head, tail and cold would be too coarse, and nobody has taken cold items.
PROFILE_BANDS = 5
# Of a free text, a rank before debiasing is looked for this far down.
DEEPEST_BASE_RANK = 1_000


@dataclass(frozen=True)
class Ranked:
    """Lists of m users, k places each; -1 and NaN where there is no answer.

    Attributes:
        rows: catalog rows, best first, int64 [m, k].
        scores: what they are ordered by, float32 [m, k].
        logits: log-odds of relevance, NaN where the head has no say, float32 [m, k].
        base_ranks: rank at debias 0 without diversity, 1 the best, 0 unknown or not asked for,
            int64 [m, k].
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    logits: NDArray[np.float32]
    base_ranks: NDArray[np.int64]


@dataclass(frozen=True)
class RankingPipeline:
    """Turns tastes into ranked catalog rows with one bundle and its index."""

    bundle: Bundle
    index: VectorIndex

    @cached_property
    def vectors(self) -> ItemVectors:
        """The index's vectors by catalog row."""
        return ItemVectors(self.index)

    @cached_property
    def _user_encoder(self) -> UserEncoder:
        return UserEncoder(self.bundle, self.vectors)

    @cached_property
    def population(self) -> PopulationProfile:
        """What is typical of the users of the training part."""
        log = self.bundle.log
        train = log if log.part is None else log.select(log.part == TRAIN)
        return PopulationProfile.of(self._popularity_profile(Histories.from_interactions(train)))

    @cached_property
    def _bands(self) -> NDArray[np.int8]:
        return mass_bands(self.bundle.popularity.counts, PROFILE_BANDS)

    def user_state(self, histories: Histories) -> UserState:
        """Return what is known of users with these histories (oldest first)."""
        return self._user_encoder.of(histories)

    def text_state(self, texts: list[str]) -> UserState:
        """Return free texts as tastes: a vector each, and no history for the head to judge by."""
        return vector_state(self.bundle.item_tower.encode(texts))

    def search(
        self,
        user_state: UserState,
        k: int,
        *,
        pool: Pool,
        debias: float,
        excluded: Histories | None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> SearchResult:
        """Return the first stage: the pool's k rows with the highest debiased score, per user.

        The score is ``cosine / temperature + (popularity_weight - debias) * log p`` (log p
        less its catalog mean). Rows in ``excluded`` (aligned with the users) never come back.
        """
        serving = self.bundle.serving
        return self.index.search(
            np.ascontiguousarray(user_state.vectors / np.float32(serving.temperature)),
            k,
            popularity_weight=serving.popularity_weight - debias,
            segments=[BUCKETS[code] for code in POOLS[pool]],
            excluded=None
            if excluded is None
            else (excluded.offsets, excluded.items.astype(np.int64)),
            allowed=allowed,
        )

    def candidates(
        self,
        user_state: UserState,
        k: int,
        *,
        pool: Pool,
        excluded: Histories | None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int64]:
        """Return the rows that the head is asked about, -1 padded, int64 [m, c].

        The union of the index, the item-to-item weights and the sequence towers. It doesn't
        depend on the debias strength, so that the dial only ever reorders; it holds at least k
        rows where the pool, filters and exclusions leave as many.
        """
        popularity, plain = self.bundle.popularity, self.bundle.serving.popularity_weight
        whole_catalog = pool == "all"
        asked: list[tuple[Pool, int, float]] = [
            (pool, max(FIRST_STAGE, k), 0.0),
            (pool, FIRST_STAGE_PLAIN, plain),
        ]
        if whole_catalog:
            asked.append(("tail", FIRST_STAGE_TAIL, plain))
        search_queries = [
            SearchQuery(wanted, plain - debias, [BUCKETS[code] for code in POOLS[of]])
            for of, wanted, debias in asked
        ]
        found = self.index.search_each(
            np.ascontiguousarray(user_state.vectors / np.float32(self.bundle.serving.temperature)),
            search_queries,
            excluded=None
            if excluded is None
            else (excluded.offsets, excluded.items.astype(np.int64)),
            allowed=allowed,
        )
        lists = [one.rows for one in found]
        mask = popularity.in_pool(pool)
        if allowed is not None:
            mask = mask & allowed
        exclusions = excluded_keys(excluded, self.index.n_items)
        tail = popularity.bucket != HEAD if whole_catalog else None
        lists += from_behaviour(user_state.history_scores, mask, exclusions, tail)
        lists += from_sequences(user_state.sequence_scores, mask, exclusions)
        return union(lists, self.index.n_items)

    def evidence(
        self, user_state: UserState, rows: NDArray[np.int64], names: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return what is known of each user's rows [m, c], float32 [m, c, f].

        ``names`` are the columns (`feature_names`); None means those that the head reads.
        """
        vectors, place = self.vectors.pointed(np.maximum(rows, 0))
        return gather_features(
            user_state,
            rows,
            vectors,
            place,
            self.bundle.popularity,
            self.bundle.relevance.names if names is None else names,
        )

    def logits(self, user_state: UserState, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return calibrated log-odds of relevance of each user's rows, float32 [m, c].

        NaN for padding (-1) and for users without a history: the head never saw such a pair.
        """
        known = np.diff(user_state.histories.offsets) > 0
        if not self.bundle.relevance.ranks or not known.any():
            return np.full(rows.shape, np.nan, np.float32)
        present = (rows >= 0) & known[:, None]
        evidence = self.evidence(user_state, rows)
        found = np.full(rows.shape, np.nan, np.float32)
        found[present] = self.bundle.relevance.logits(evidence[present])
        return found

    def rank(
        self,
        user_state: UserState,
        k: int,
        hows: Sequence[Rerank],
        *,
        pool: Pool,
        excluded: Histories | None,
        allowed: NDArray[np.bool_] | None = None,
        base_ranks: bool = False,
    ) -> list[Ranked]:
        """Return the k best rows of every user in each of the ways, from one set of candidates.

        Users with a history are ranked by the head: ``logit(relevance) - debias * log p`` in
        mode ``fixed`` (`Rerank` has the others). Free texts are ranked by the first
        stage, whose score takes its place. Without any of them the pool's most popular items
        come, without a score. ``base_ranks``: whether those are wanted too.
        """
        whole = np.diff(user_state.histories.offsets) > 0
        ranked = (
            self._by_head(user_state, k, hows, pool, excluded, allowed, base_ranks)
            if self.bundle.relevance.ranks and whole.any()
            else [_nothing(len(user_state), k) for _ in hows]
        )
        by_first_stage = (
            ~whole if self.bundle.relevance.ranks else np.ones(len(user_state), bool)
        ) & (user_state.lengths > 0)
        unknown = np.flatnonzero(user_state.lengths == 0)
        for how, found in zip(hows, ranked, strict=True):
            if by_first_stage.any():
                first = self.search(
                    user_state, k, pool=pool, debias=how.debias, excluded=excluded, allowed=allowed
                )
                found.rows[by_first_stage] = first.rows[by_first_stage]
                found.scores[by_first_stage] = first.scores[by_first_stage]
                if base_ranks:
                    base = self._first_stage_ranks(user_state, first.rows, pool, excluded, allowed)
                    found.base_ranks[by_first_stage] = base[by_first_stage]
            for user in unknown:
                mine = np.empty(0, np.int32) if excluded is None else excluded[int(user)]
                popular = self.most_popular(k, pool=pool, excluded=mine, allowed=allowed)
                found.rows[user] = -1
                found.rows[user, : len(popular)] = popular
        return ranked

    def _by_head(
        self,
        user_state: UserState,
        k: int,
        hows: Sequence[Rerank],
        pool: Pool,
        excluded: Histories | None,
        allowed: NDArray[np.bool_] | None,
        base_ranks: bool,
    ) -> list[Ranked]:
        rows = self.candidates(user_state, k, pool=pool, excluded=excluded, allowed=allowed)
        logits = self.logits(user_state, rows)
        popularity = self.bundle.popularity
        inside = np.maximum(rows, 0)
        diverse = any(how.diversity > 0 for how in hows)
        found = Candidates(
            rows=rows,
            logits=logits,
            log_p=popularity.centred[inside],
            bands=self._bands[inside],
            vectors=self.index.vectors(inside.ravel()).reshape(*rows.shape, self.index.dim)
            if diverse
            else None,
        )
        by_user = any(how.mode != "fixed" for how in hows)
        popularity_profile = self._popularity_profile(user_state.histories) if by_user else None
        population = self.population if by_user else None
        base = np.zeros(rows.shape, np.int64)
        if base_ranks:
            plain = rerank(found, rows.shape[1] or 1, Rerank()).places
            user, place = np.nonzero(plain >= 0)
            base[user, plain[user, place]] = place + 1
        out = []
        for how in hows:
            made = rerank(
                found, k, how, popularity_profile=popularity_profile, population=population
            )
            there, places = made.places >= 0, np.maximum(made.places, 0)
            ranked = _nothing(len(rows), k)
            ranked.rows[:], ranked.scores[:] = made.rows, made.scores
            if rows.shape[1]:
                ranked.logits[there] = np.take_along_axis(logits, places, axis=1)[there]
                ranked.base_ranks[there] = np.take_along_axis(base, places, axis=1)[there]
            out.append(ranked)
        return out

    def _first_stage_ranks(
        self,
        user_state: UserState,
        rows: NDArray[np.int64],
        pool: Pool,
        excluded: Histories | None,
        allowed: NDArray[np.bool_] | None,
    ) -> NDArray[np.int64]:
        """Return where the first stage has these rows [m, k] at debias 0, 0 if too far down."""
        depth = min(DEEPEST_BASE_RANK, self.index.n_items)
        plain = self.search(
            user_state, depth, pool=pool, debias=0.0, excluded=excluded, allowed=allowed
        ).rows
        out = np.zeros(rows.shape, np.int64)
        for user, line in enumerate(plain):
            place = {int(row): rank for rank, row in enumerate(line, 1) if row >= 0}
            out[user] = [place.get(int(row), 0) for row in rows[user]]
        return out

    def _popularity_profile(self, histories: Histories) -> PopularityProfile:
        centred = self.bundle.popularity.centred
        return PopularityProfile.of(histories, centred, self._bands, PROFILE_BANDS)

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


def _nothing(users: int, k: int) -> Ranked:
    nan = np.full((users, k), np.nan, np.float32)
    return Ranked(
        np.full((users, k), -1, np.int64), nan, nan.copy(), np.zeros((users, k), np.int64)
    )


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
