"""From histories to ranked rows: user states, candidates, relevance, and the popularity dial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from longtail.index.search.query import SearchQuery, SearchResult
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.histories.histories import Histories, excluded_keys
from longtail.retrieval.data.interactions import TRAIN
from longtail.retrieval.data.popularity import HEAD, Pool
from longtail.retrieval.data.users.user_table import UserValues
from longtail.retrieval.features.features import feature_names, gather_features
from longtail.retrieval.features.relevance_head import probability
from longtail.retrieval.features.user_state import UserState
from longtail.retrieval.ranking.answers import Answers
from longtail.retrieval.ranking.candidate_generation import (
    BY_SEQUENCE,
    FIRST_STAGE,
    FIRST_STAGE_PLAIN,
    FIRST_STAGE_TAIL,
    among,
    by_clock,
    from_behaviour,
    union,
)
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.fallback import most_popular, taken_lately
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

ClockOf = Callable[[Bundle], ItemClock | None]

USERS_PER_BATCH = 256
# Of a user's profile; head, tail and cold would be too coarse, and nobody has taken cold items.
PROFILE_BANDS = 5
# Of a free text, a rank before debiasing is looked for this far down.
DEEPEST_BASE_RANK = 1_000


@dataclass(frozen=True)
class RankingPipeline:
    """Turns histories into ranked catalog rows with one bundle and its index.

    Attributes:
        timed: gives the context in which a stage runs: ``tower``, ``search``, ``score``, and
            ``rerank`` for the rest.
        clock_of: gives the clock of a bundle as it stands by now; None: as the run has it.
    """

    bundle: Bundle
    index: VectorIndex
    timed: Callable[[str], AbstractContextManager[object]] = nullcontext
    clock_of: ClockOf | None = None

    @cached_property
    def vectors(self) -> ItemVectors:
        """The index's vectors by catalog row."""
        return ItemVectors(self.index)

    @property
    def clock(self) -> ItemClock | None:
        """How lately items were taken; None where that isn't known."""
        return self.bundle.clock if self.clock_of is None else self.clock_of(self.bundle)

    @cached_property
    def _user_encoder(self) -> UserEncoder:
        return UserEncoder(self.bundle, self.vectors)

    @cached_property
    def population(self) -> PopulationProfile:
        """What is typical of the users of the training part."""
        log = self.bundle.log
        train = log if log.part is None else log.select(log.part == TRAIN)
        return PopulationProfile.of(self.popularity_profile(Histories.from_interactions(train)))

    @cached_property
    def _bands(self) -> NDArray[np.int8]:
        return mass_bands(self.bundle.popularity.counts, PROFILE_BANDS)

    def user_state(self, histories: Histories, values: UserValues | None = None) -> UserState:
        """Return what is known of users with these histories (oldest first).

        ``values`` are those of the same users, where the run has user columns (`user_values`).
        """
        with self.timed("tower"):
            state = self._user_encoder.of(histories.stood_in())
            columns = self.bundle.user_columns
            if columns is None or values is None or not len(values.codes):
                return state
            return replace(state, column_lift=columns.lift(values))

    def user_values(self, user_ids: NDArray[np.object_]) -> UserValues | None:
        """Return what the run's users file says of these ids, None for a run without one."""
        columns = self.bundle.user_columns
        return None if columns is None else columns.of_users(user_ids)

    def text_state(self, texts: Sequence[str]) -> UserState:
        """Return free texts as user states: a vector each, no history for the head to judge by."""
        with self.timed("tower"):
            return vector_state(self.bundle.item_tower.encode_queries(list(texts)))

    def search(
        self, user_state: UserState, k: int, eligible: Eligible, *, debias: float
    ) -> SearchResult:
        """Return the first stage: the k eligible rows with the highest debiased score, per user.

        The score is ``cosine / temperature + (popularity_weight - debias) * log p`` (log p
        less its catalog mean).
        """
        weight = self.bundle.serving.popularity_weight - debias
        with self.timed("search"):
            return self.index.search(
                self._search_vectors(user_state),
                k,
                popularity_weight=weight,
                segments=eligible.segments,
                excluded=eligible.exclusions,
                allowed=eligible.allowed,
            )

    def candidates(self, user_state: UserState, k: int, eligible: Eligible) -> NDArray[np.int64]:
        """Return the rows that the head is asked about, -1 padded, int64 [m, c].

        The union of the index, the item-to-item weights and the sequence towers. It doesn't
        depend on the debias strength, so that the dial only ever reorders; it holds at least k
        rows where as many are eligible.
        """
        with self.timed("search"):
            lists = self._first_stage(user_state, k, eligible)
            popularity, n_items = self.bundle.popularity, self.index.n_items
            mask, exclusions = eligible.mask(popularity), excluded_keys(eligible.excluded, n_items)
            tail = popularity.bucket != HEAD if eligible.pool == "all" else None
            lists += from_behaviour(user_state.history_scores, mask, exclusions, tail)
            for expected in user_state.sequence_scores.values():
                lists.append(expected.nearest(BY_SEQUENCE, mask, exclusions)[0])
            if user_state.beside is not None and self.bundle.evidence_models.reads_seen:
                lists.append(among(user_state.beside.recent, mask, exclusions))
            if self.bundle.relevance.counts and (clock := self.clock) is not None:
                lists += by_clock(clock, mask, eligible.excluded, tail, len(lists[0]))
            return union(lists, n_items)

    def _first_stage(
        self, user_state: UserState, k: int, eligible: Eligible
    ) -> list[NDArray[np.int64]]:
        weight = self.bundle.serving.popularity_weight
        parts: list[tuple[Pool, int, float]] = [
            (eligible.pool, max(FIRST_STAGE, k), weight),
            (eligible.pool, FIRST_STAGE_PLAIN, 0.0),
        ]
        if eligible.pool == "all":
            parts.append(("tail", FIRST_STAGE_TAIL, 0.0))
        results = self.index.search_each(
            self._search_vectors(user_state),
            [SearchQuery(depth, w, Eligible(pool).segments) for pool, depth, w in parts],
            excluded=eligible.exclusions,
            allowed=eligible.allowed,
        )
        return [result.rows for result in results]

    def _search_vectors(self, user_state: UserState) -> NDArray[np.float32]:
        return np.ascontiguousarray(
            user_state.vectors / np.float32(self.bundle.serving.temperature)
        )

    def feature_names(self, *, counts: bool) -> tuple[str, ...]:
        """Return the names of all that a head over this engine may read."""
        return feature_names(
            self.bundle.evidence_models,
            counts=counts,
            clock=self.clock is not None,
            user_columns=self.bundle.columns_rank,
        )

    def features(
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
            self.clock,
        )

    def logits(self, user_state: UserState, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return calibrated log-odds of relevance of each user's rows, float32 [m, c].

        NaN for padding (-1) and for users without a history: the head never saw such a pair.
        """
        with self.timed("score"):
            known = np.diff(user_state.histories.offsets) > 0
            logits = np.full(rows.shape, np.nan, np.float32)
            if self.bundle.relevance.ranks and known.any():
                present = (rows >= 0) & known[:, None]
                features = self.features(user_state, rows)
                unknown = self.bundle.evidence_models.unknown(rows)
                logits[present] = self.bundle.relevance.logits(features[present], unknown[present])
            return logits

    def rank(
        self,
        user_state: UserState,
        k: int,
        reranks: Sequence[Rerank],
        eligible: Eligible,
        *,
        base_ranks: bool = False,
    ) -> list[Answers]:
        """Return the k best rows of every user in each of the ways, from one set of candidates.

        Users with a history are ranked by the head: ``logit(relevance) - debias * log p`` in
        mode ``fixed`` (`Rerank` has the others). Free texts are ranked by the first
        stage, whose score takes its place. Without any of them what is taken lately in the pool
        comes (`taken_lately`), in a log without a clock the pool's most popular items without a
        score. ``base_ranks``: whether those are wanted too.
        """
        with self.timed("rerank"):
            head_ranks = self.bundle.relevance.ranks
            whole = np.diff(user_state.histories.offsets) > 0
            lists = (
                self._by_head(user_state, k, reranks, eligible, base_ranks)
                if head_ranks and whole.any()
                else [Answers.none(user_state.lengths, k) for _ in reranks]
            )
            by_first_stage = (~whole | (not head_ranks)) & (user_state.lengths > 0)
            unknown = np.flatnonzero(user_state.lengths == 0)
            for setting, answers in zip(reranks, lists, strict=True):
                if by_first_stage.any():
                    first = self.search(user_state, k, eligible, debias=setting.debias)
                    answers.rows[by_first_stage] = first.rows[by_first_stage]
                    answers.scores[by_first_stage] = first.scores[by_first_stage]
                    if base_ranks:
                        base = self._first_stage_ranks(user_state, first.rows, eligible)
                        answers.base_ranks[by_first_stage] = base[by_first_stage]
                if len(unknown):
                    self._fall_back(answers, unknown, eligible, setting, user_state)
            return lists

    def _fall_back(
        self,
        answers: Answers,
        users: NDArray[np.int64],
        eligible: Eligible,
        setting: Rerank,
        user_state: UserState,
    ) -> None:
        """Fill in the lists of users without a history; their columns are all that is known."""
        lifts = [user_state.weighted_lift(int(user), self.index.n_items) for user in users]
        popularity, clock, k = self.bundle.popularity, self.clock, answers.rows.shape[1]
        if clock is not None:
            answers.rows[users], answers.scores[users] = taken_lately(
                self.index, popularity, clock, eligible, users, k, setting, lifts
            )
            return
        for user, lift in zip(users, lifts, strict=True):
            popular = most_popular(popularity, eligible, int(user), k, lift)
            answers.rows[user] = -1
            answers.rows[user, : len(popular)] = popular

    def _by_head(
        self,
        user_state: UserState,
        k: int,
        reranks: Sequence[Rerank],
        eligible: Eligible,
        base_ranks: bool,
    ) -> list[Answers]:
        rows = self.candidates(user_state, k, eligible)
        logits = self.logits(user_state, rows)
        inside = np.maximum(rows, 0)
        diverse = any(setting.diversity > 0 for setting in reranks)
        unknown = self.bundle.evidence_models.unknown(rows)
        candidates = Candidates(
            rows=rows,
            logits=self.bundle.relevance.ranked(logits, unknown),
            log_p=self.bundle.popularity.centred[inside],
            bands=self._bands[inside],
            vectors=self.index.vectors(inside.ravel()).reshape(*rows.shape, self.index.dim)
            if diverse
            else None,
        )
        by_user = any(setting.mode != "fixed" for setting in reranks)
        profile = self.popularity_profile(user_state.histories) if by_user else None
        population = self.population if by_user else None
        base = np.zeros(rows.shape, np.int64)
        if base_ranks:
            plain = rerank(candidates, rows.shape[1] or 1, Rerank()).places
            user, place = np.nonzero(plain >= 0)
            base[user, plain[user, place]] = place + 1
        lists = []
        for setting in reranks:
            ranked = rerank(
                candidates, k, setting, popularity_profile=profile, population=population
            )
            there, places = ranked.places >= 0, np.maximum(ranked.places, 0)
            answers = Answers.none(user_state.lengths, k)
            answers.rows[:], answers.scores[:] = ranked.rows, ranked.scores
            if rows.shape[1]:
                chosen = np.take_along_axis(logits, places, axis=1)[there]
                answers.relevance[there] = probability(chosen)
                answers.base_ranks[there] = np.take_along_axis(base, places, axis=1)[there]
            lists.append(answers)
        return lists

    def _first_stage_ranks(
        self, user_state: UserState, rows: NDArray[np.int64], eligible: Eligible
    ) -> NDArray[np.int64]:
        """Return where the first stage has these rows [m, k] at debias 0, 0 if too far down."""
        depth = min(DEEPEST_BASE_RANK, self.index.n_items)
        plain = self.search(user_state, depth, eligible, debias=0.0).rows
        ranks = np.zeros(rows.shape, np.int64)
        for user, line in enumerate(plain):
            place = {int(row): rank for rank, row in enumerate(line, 1) if row >= 0}
            ranks[user] = [place.get(int(row), 0) for row in rows[user]]
        return ranks

    def popularity_profile(self, histories: Histories) -> PopularityProfile:
        """Return how popular the items of these histories are."""
        centred = self.bundle.popularity.centred
        return PopularityProfile.of(histories, centred, self._bands, PROFILE_BANDS)
