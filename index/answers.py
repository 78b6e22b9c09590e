"""The answers of several segments to several questions, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from index.banned import Banned
from index.exact import Found, best_first
from index.question import Asked, SearchResult
from index.segment import Segment
from index.shared_products import best_of_each, shares_products

QUERIES_AT_ONCE = 2_048


def answers(
    segments: Mapping[int, Segment], asked: Sequence[Asked], banned: Banned, n_items: int
) -> list[SearchResult]:
    """Return each question's answers; all questions have the same vectors."""
    m = len(banned.counts)
    if 0 < m <= QUERIES_AT_ONCE and all(question.k <= n_items for question in asked):
        return [SearchResult(*found) for found in _of_part(segments, asked, banned, n_items)]
    made = [
        SearchResult(
            np.full((m, question.k), -1, np.int64), np.full((m, question.k), -np.inf, np.float32)
        )
        for question in asked
    ]
    for start in range(0, m, QUERIES_AT_ONCE):
        end = min(start + QUERIES_AT_ONCE, m)
        part = [question.part(start, end) for question in asked]
        found = _of_part(segments, part, banned.part(start, end), n_items)
        for result, (rows, scores) in zip(made, found, strict=True):
            result.rows[start:end, : rows.shape[1]] = rows
            result.scores[start:end, : rows.shape[1]] = scores
    return made


def _of_part(
    segments: Mapping[int, Segment], asked: Sequence[Asked], banned: Banned, n_items: int
) -> list[Found]:
    # Longer answers than the catalog are padding: don't carry it through every step.
    asked = [q if q.k <= n_items else replace(q, k=n_items) for q in asked]
    shared = {n: s for n, s in segments.items() if shares_products(s, len(asked[0]), len(asked))}
    together = best_of_each(shared, asked, banned) if shared else []
    merged = []
    for place, question in enumerate(asked):
        found = [
            segments[number].best(question.queries, question.k, banned)
            for number in question.segments
            if number not in shared
        ]
        merged.append(_merged(found + together[place : place + 1], len(question), question.k))
    return merged


def _merged(found: Sequence[Found], m: int, k: int) -> Found:
    if len(found) == 1:
        return found[0]
    rows = np.concatenate([np.empty((m, 0), np.int64), *(rows for rows, _ in found)], axis=1)
    scores = np.concatenate([np.empty((m, 0), np.float32), *(some for _, some in found)], axis=1)
    return best_first(rows, scores, k)
