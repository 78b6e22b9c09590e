"""A batch of requests becomes answers: alike ones are ranked together, in few calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import LongtailError
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.ranking.answers import answer_histories, answer_texts, nearest_items
from longtail.retrieval.ranking.candidate_generation import FIRST_STAGE
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.serving.engine.engine import Engine
from longtail.serving.http.http_errors import RefusedError, refusal_of
from longtail.serving.http.request_models import RecommendRequest
from longtail.serving.http.response_bodies import recommendation_body, similar_body
from longtail.serving.updates.user_histories import LiveHistories

_NOTHING = np.empty(0, np.int32)


@dataclass(frozen=True)
class SimilarRequest:
    """Ask for the items that read most like an item."""

    item_id: str
    k: int
    pool: Pool


Ask = RecommendRequest | SimilarRequest
Outcome = dict[str, Any] | RefusedError


def answer_all(
    engine: Engine, histories: LiveHistories, asks: Sequence[Ask]
) -> Iterator[list[tuple[int, Outcome]]]:
    """Yield the outcome of each request by its place, group after group, each once.

    The answer doesn't depend on what else is in the batch. Requests without explanations come
    first: an explanation asks the engine once for every past item.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, ask in enumerate(asks):
        groups.setdefault(_alike(ask), []).append(place)
    for key in sorted(groups, key=lambda key: key[0]):
        places = groups[key]
        try:
            members = [asks[place] for place in places]
            if isinstance(members[0], SimilarRequest):
                outcomes = _similar(engine, members)  # type: ignore[arg-type]
            else:
                outcomes = _recommended(engine, histories, members)  # type: ignore[arg-type]
        except LongtailError as error:
            # Of the whole group: its filter can't be read, for one.
            outcomes = [refusal_of(error)] * len(places)
        yield list(zip(places, outcomes, strict=True))


def _alike(ask: Ask) -> tuple[Any, ...]:
    """Return what requests have in common that are ranked in one call."""
    if isinstance(ask, SimilarRequest):
        return (0, "similar", ask.pool, ask.k)
    # More than the first stage's usual depth changes which candidates there are.
    depth = max(ask.k, FIRST_STAGE)
    kind = "text" if ask.text is not None else "history"
    return (int(ask.explain), kind, ask.pool, depth, tuple(ask.where), ask.mode, ask.diversity)


def _recommended(
    engine: Engine, histories: LiveHistories, asks: Sequence[RecommendRequest]
) -> list[Outcome]:
    outcomes: list[Outcome | None] = [None] * len(asks)
    known: list[int] = []
    subjects: list[NDArray[np.int32]] = []
    exclusions: list[NDArray[np.int32]] = []
    for place, ask in enumerate(asks):
        try:
            history = _history(engine, histories, ask)
            unwanted = _rows(engine, ask.exclude)
        except LongtailError as error:
            outcomes[place] = refusal_of(error)
            continue
        seen = _NOTHING if ask.include_seen else history
        known.append(place)
        subjects.append(history)
        exclusions.append(np.concatenate([seen, unwanted]) if len(unwanted) else seen)
    if known:
        found = _ranked(engine, [asks[place] for place in known], subjects, exclusions)
        for place, outcome in zip(known, found, strict=True):
            outcomes[place] = outcome
    return [outcome for outcome in outcomes if outcome is not None]


def _ranked(
    engine: Engine,
    asks: Sequence[RecommendRequest],
    subjects: list[NDArray[np.int32]],
    exclusions: list[NDArray[np.int32]],
) -> list[Outcome]:
    first, ranking = asks[0], engine.retriever.ranking
    default = engine.retriever.bundle.serving.debias
    strengths = [default if ask.debias is None else ask.debias for ask in asks]
    hows = [Rerank(first.mode, s, first.diversity) for s in dict.fromkeys(strengths)]
    request: dict[str, Any] = {
        "k": max(ask.k for ask in asks),
        "pool": first.pool,
        "excluded": Histories.from_lists(exclusions),
        "allowed": engine.allowed(tuple(first.where)),
    }
    if first.text is not None:
        texts = [str(ask.text) for ask in asks]
        names = [str(i) for i in range(len(texts))]
        lists = answer_texts(ranking, texts, names, hows, **request)
    else:
        asked = Histories.from_lists(subjects)
        lists = answer_histories(ranking, asked, hows, **request, explain=first.explain)
    by_strength = dict(zip((how.debias for how in hows), lists, strict=True))
    with engine.stopwatch.stage("body"):
        return [
            recommendation_body(engine, ask, strength, by_strength[strength], place)
            for place, (ask, strength) in enumerate(zip(asks, strengths, strict=True))
        ]


def _history(engine: Engine, histories: LiveHistories, ask: RecommendRequest) -> NDArray[np.int32]:
    if ask.user_id is not None:
        rows = histories.rows(engine.retriever, ask.user_id)
        if rows is None:
            raise RefusedError(
                404,
                "unknown_user",
                "no such user in the log or the events; for a new user give history",
            )
        return rows
    return _NOTHING if ask.history is None else _rows(engine, ask.history)


def _rows(engine: Engine, item_ids: Sequence[str]) -> NDArray[np.int32]:
    # Near ids would be a search through the whole catalog: not for whoever mistypes at speed.
    rows = engine.retriever.bundle.catalog.rows_of(item_ids)
    if (rows < 0).any():
        raise unknown_item(item_ids[int(np.argmin(rows))])
    return rows.astype(np.int32)


def _similar(engine: Engine, asks: Sequence[SimilarRequest]) -> list[Outcome]:
    catalog = engine.retriever.bundle.catalog
    rows = catalog.offered(ask.item_id for ask in asks)
    there = np.flatnonzero(rows >= 0)
    outcomes: list[Outcome] = [unknown_item(ask.item_id) for ask in asks]
    if len(there):
        first = asks[0]
        found = nearest_items(engine.retriever.ranking, rows[there], k=first.k, pool=first.pool)
        for line, place in enumerate(there.tolist()):
            outcomes[place] = similar_body(engine, asks[place].item_id, first.k, found, line)
    return outcomes


def unknown_item(item_id: str) -> RefusedError:
    """Return the refusal of an item that isn't in the catalog."""
    shown = item_id if len(item_id) <= 60 else f"{item_id[:57]}..."
    return RefusedError(404, "unknown_item", f"no item {shown!r} in the catalog")
