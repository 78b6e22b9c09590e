"""Many queries become answers: alike ones are ranked together, in few calls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import Field, LongtailError
from longtail.retrieval.data.histories.histories import Histories, Past
from longtail.retrieval.data.users.user_table import UserValues
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.answers import Answers
from longtail.retrieval.ranking.candidate_generation import FIRST_STAGE
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.explanation import reasons
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH, RankingPipeline
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.query_cost import query_cost
from longtail.retrieval.ranking.user_encoding import vector_state

Rows = NDArray[np.int32]
_NOTHING = np.empty(0, np.int32)


class Lookup(Protocol):
    """Rows for ids and filters; who is unknown is raised as a `LongtailError`."""

    def past(self, user: str) -> Past:
        """Return the rows that a user took, oldest first, and when."""

    def item_rows(self, item_ids: Sequence[str], *, offered: bool = False) -> Rows:
        """Return the rows of items; of those on offer only, if that is wanted."""

    def passing(self, where: Sequence[str]) -> NDArray[np.bool_] | None:
        """Return the rows that pass all filters, bool [n]; None: all do."""


@dataclass(frozen=True)
class Answered:
    """Queries that were ranked together; line i of the answers is query ``places[i]``."""

    places: list[int]
    answers: Answers


@dataclass(frozen=True)
class Failed:
    """Queries that have no answer, all for one reason."""

    places: list[int]
    error: LongtailError


@dataclass(frozen=True)
class _Line:
    """One query of a group, its ids as rows."""

    place: int
    query: Query
    past: Past
    excluded: Rows
    values: NDArray[np.int32]


@dataclass(frozen=True)
class Pace:
    """How much is ranked in one go, and for whom at all.

    Attributes:
        most_cost: work of a group (`query_cost`), unless one query alone is more; None: no bound.
        wanted: whether anybody still waits for a query, by its place; asked before each group.
    """

    most_cost: int | None = None
    wanted: Callable[[int], bool] | None = None

    def groups(self, places: Sequence[int], queries: Sequence[Query]) -> Iterator[list[int]]:
        """Yield the places, group after group, in their order; what nobody wants is left out."""
        group: list[int] = []
        cost = 0
        for place in places:
            more = 0 if self.most_cost is None else query_cost(queries[place])
            full = self.most_cost is not None and cost + more > self.most_cost
            if group and (full or len(group) == USERS_PER_BATCH):
                yield self._still_wanted(group)
                group, cost = [], 0
            group.append(place)
            cost += more
        yield self._still_wanted(group)

    def _still_wanted(self, places: list[int]) -> list[int]:
        return places if self.wanted is None else [p for p in places if self.wanted(p)]


WHOLE = Pace()


def answer_each(
    ranking: RankingPipeline, queries: Sequence[Query], lookup: Lookup, pace: Pace = WHOLE
) -> Iterator[Answered | Failed]:
    """Yield the outcomes of queries group after group, each query that is wanted once.

    A query's answer doesn't depend on the others. Queries without explanations come first, an
    explanation asks the engine once for every past item; then those with few filters. Within a
    group they keep their order, at most `USERS_PER_BATCH` at once, which bounds the memory.
    """
    groups: dict[tuple[Hashable, ...], list[int]] = {}
    for place, query in enumerate(queries):
        groups.setdefault(_alike(query), []).append(place)
    for key in sorted(groups, key=lambda key: (bool(key[0]), len(queries[groups[key][0]].where))):
        for places in pace.groups(groups[key], queries):
            if not places:
                continue
            try:
                allowed = lookup.passing(queries[places[0]].where)
            except LongtailError as error:
                yield Failed(places, error)
                continue
            lines = []
            for place in places:
                try:
                    lines.append(_line(place, queries[place], lookup, ranking))
                except LongtailError as error:
                    yield Failed([place], error)
            ranked = [line.place for line in lines]
            try:
                if lines:
                    yield Answered(ranked, _ranked(ranking, lines, allowed))
            except LongtailError as error:
                yield Failed(ranked, error)


def _alike(query: Query) -> tuple[Hashable, ...]:
    """Return what queries have in common that are ranked in one call."""
    kind = "history" if query.subject == "user" else query.subject
    # More than the first stage's usual depth changes which candidates there are.
    depth = max(query.k, FIRST_STAGE)
    common = (query.pool, depth, tuple(query.where), query.mode, query.diversity)
    return (query.explain, kind, *common)


def _line(place: int, query: Query, lookup: Lookup, ranking: RankingPipeline) -> _Line:
    past = Past(_NOTHING)
    # First of all: an unknown column is refused whoever the user is.
    values = _values(query, ranking)
    if query.user is not None:
        past = _past(query, lookup)
    elif query.history is not None:
        past = Past(lookup.item_rows(query.history))
    elif query.item is not None:
        past = Past(lookup.item_rows([query.item], offered=True))
    excluded = np.concatenate([*_not_again(query, past), lookup.item_rows(query.exclude)])
    return _Line(place, query, past, excluded, values)


def _past(query: Query, lookup: Lookup) -> Past:
    """Return what a user took; whoever brings columns along may be new."""
    try:
        return lookup.past(str(query.user))
    except LongtailError:
        if query.user_columns is None:
            raise
        return Past(_NOTHING)


def _not_again(query: Query, past: Past) -> list[Rows]:
    """Return what a user doesn't get back: what was taken or had, and what was rejected."""
    seen = [] if query.include_seen else [past.items]
    if past.beside is None:
        return seen
    if not query.include_seen:
        seen.append(past.beside.had[0])
    if not query.include_rejected:
        seen.append(past.beside.rejected[0])
    return seen


def _values(query: Query, ranking: RankingPipeline) -> NDArray[np.int32]:
    """Return what is known of a query's user beside the history: stored, and brought along."""
    columns = ranking.bundle.user_columns
    if columns is None:
        if query.user_columns:
            raise QueryError(
                Field("user_columns"),
                " needs a run that was trained with a users file; this one was trained without",
            )
        return _NOTHING
    stored = _NOTHING if query.user is None else columns.stored(query.user)
    given = query.user_columns
    return columns.schema.encode_one(given, stored) if given else stored


def _ranked(
    ranking: RankingPipeline, lines: Sequence[_Line], allowed: NDArray[np.bool_] | None
) -> Answers:
    first = lines[0].query
    excluded = Histories.from_lists([line.excluded for line in lines])
    eligible = Eligible(first.pool, excluded if len(excluded.items) else None, allowed)
    # Room for more answers than there are items would be memory for padding.
    k = min(max(line.query.k for line in lines), len(ranking.bundle.catalog))
    answers = _answers(ranking, lines, k, eligible)
    lengths = np.array([line.query.k for line in lines])
    answers.rows[np.arange(k) >= lengths[:, None]] = -1
    if not first.explain:
        return answers
    because = [
        _because(ranking, line, rows) for line, rows in zip(lines, answers.rows, strict=True)
    ]
    return replace(answers, because=because)


def _answers(
    ranking: RankingPipeline, lines: Sequence[_Line], k: int, eligible: Eligible
) -> Answers:
    first = lines[0].query
    if first.item is not None:
        return _nearest(ranking, lines, k, eligible)
    histories = Histories.from_pasts([line.past for line in lines])
    state = (
        ranking.user_state(histories, UserValues.from_lists([line.values for line in lines]))
        if first.text is None
        else ranking.text_state([str(line.query.text) for line in lines])
    )
    default = ranking.bundle.serving.debias
    reranks = [line.query.rerank(default) for line in lines]
    distinct = list(dict.fromkeys(reranks))
    lists = ranking.rank(state, k, distinct, eligible, base_ranks=first.explain)
    return Answers.picked(lists, np.array([distinct.index(rerank) for rerank in reranks]))


def _nearest(
    ranking: RankingPipeline, lines: Sequence[_Line], k: int, eligible: Eligible
) -> Answers:
    """Return the items whose texts are nearest to each line's item; scores are cosines."""
    # Cosine alone: neither temperature nor popularity has a say in likeness.
    plain = replace(ranking.bundle.serving, temperature=1.0, popularity_weight=0.0)
    alike = replace(ranking, bundle=replace(ranking.bundle, serving=plain))
    rows = np.array([line.past.items[0] for line in lines], np.int64)
    state = vector_state(ranking.index.vectors(rows))
    nearest = alike.search(state, k, eligible, debias=0.0)
    return replace(Answers.none(state.lengths, k), rows=nearest.rows, scores=nearest.scores)


def _because(ranking: RankingPipeline, line: _Line, rows: NDArray[np.int64]) -> list[list[str]]:
    """Return the ids of the past items that carry each answer; none where there are no such."""
    rows = rows[rows >= 0]
    if not len(line.past.items) or not len(rows):
        return [[] for _ in rows]
    ids = ranking.bundle.catalog.item_ids
    by_answer = reasons(ranking, line.past, rows, values=line.values)
    return [[str(ids[row]) for row in carriers] for carriers in by_answer]
