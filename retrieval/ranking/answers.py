"""Answers as plain arrays: what the frames of `Retriever` and the service are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.features.relevance_head import probability
from longtail.retrieval.features.user_state import UserState
from longtail.retrieval.ranking.answers_frame import Answers
from longtail.retrieval.ranking.explanation import reasons
from longtail.retrieval.ranking.pipeline import Ranked, RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.retrieval.ranking.user_encoding import vector_state


def answer_histories(
    ranking: RankingPipeline,
    asked: Histories,
    hows: Sequence[Rerank],
    *,
    k: int,
    pool: Pool,
    excluded: Histories | None,
    allowed: NDArray[np.bool_] | None = None,
    explain: bool = False,
) -> list[Answers]:
    """Return the answers to these histories in each of the ways.

    All users are ranked at once, which takes memory in proportion: hand over at most
    `USERS_PER_BATCH`. ``excluded`` are rows that never come back, aligned with
    the users; ``allowed`` the rows that may, bool [n].
    """
    user_state = ranking.user_state(asked)
    found = []
    for ranked in _ranked(ranking, user_state, hows, k, pool, excluded, allowed, explain):
        answers = _answers(asked, user_state, ranked)
        found.append(explained(ranking, asked, ranked, answers) if explain else answers)
    return found


def answer_texts(
    ranking: RankingPipeline,
    texts: Sequence[str],
    names: Sequence[str],
    hows: Sequence[Rerank],
    *,
    k: int,
    pool: Pool,
    excluded: Histories | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> list[Answers]:
    """Return the answers to free texts in each of the ways; see `answer_histories`.

    They come with base ranks and without reasons: a text has no past items to name.
    """
    asked = Histories.from_lists([[] for _ in texts], list(names))
    user_state = ranking.text_state(list(texts))
    return [
        explained(ranking, asked, ranked, _answers(asked, user_state, ranked))
        for ranked in _ranked(ranking, user_state, hows, k, pool, excluded, allowed, True)
    ]


def nearest_items(
    ranking: RankingPipeline, rows: NDArray[np.int64], *, k: int, pool: Pool
) -> Answers:
    """Return the items whose texts are nearest to each of these rows'; scores are cosines."""
    # Cosine alone: neither temperature nor popularity has a say in likeness.
    plain = replace(ranking.bundle.serving, temperature=1.0, popularity_weight=0.0)
    alike = replace(ranking, bundle=replace(ranking.bundle, serving=plain))
    ids = [str(item) for item in ranking.bundle.catalog.item_ids[rows]]
    themselves = Histories.from_lists([[int(row)] for row in rows], ids)
    user_state = vector_state(ranking.index.vectors(rows))
    places = min(k, len(ranking.bundle.catalog))
    found = alike.search(user_state, places, pool=pool, debias=0.0, excluded=themselves)
    nothing = np.full_like(found.scores, np.nan)
    return Answers(themselves.user_ids, found.rows, found.scores, nothing)


def explained(
    ranking: RankingPipeline, asked: Histories, ranked: Ranked, answers: Answers
) -> Answers:
    """Return the answers with the past items that carry them, and their ranks at debias 0."""
    because: list[list[list[str]]] = []
    ranks: list[list[int | None]] = []
    ids = ranking.bundle.catalog.item_ids
    for i in range(len(asked)):
        there = answers.rows[i] >= 0
        rows = answers.rows[i][there]
        found = reasons(ranking, asked[i], rows) if len(asked[i]) else []
        because.append(
            [[str(ids[r.row]) for r in reason] for reason in found] or [[] for _ in rows]
        )
        ranks.append([int(rank) or None for rank in ranked.base_ranks[i][there]])
    return replace(answers, because=because, base_ranks=ranks)


def _ranked(
    ranking: RankingPipeline,
    user_state: UserState,
    hows: Sequence[Rerank],
    k: int,
    pool: Pool,
    excluded: Histories | None,
    allowed: NDArray[np.bool_] | None,
    base_ranks: bool,
) -> list[Ranked]:
    # Room for more answers than there are items would be memory for padding.
    places = min(k, len(ranking.bundle.catalog))
    return ranking.rank(
        user_state,
        places,
        hows,
        pool=pool,
        excluded=excluded,
        allowed=allowed,
        base_ranks=base_ranks,
    )


def _answers(asked: Histories, user_state: UserState, ranked: Ranked) -> Answers:
    relevance = probability(ranked.logits)
    return Answers(
        asked.user_ids, ranked.rows, ranked.scores, relevance, lengths=user_state.lengths
    )
