"""The answers of several segments to several questions, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from longtail.index.search.batched_exact import best_of_each, shares_products
from longtail.index.search.exclusions import Exclusions
from longtail.index.search.query import Asked, SearchResult
from longtail.index.search.segment import Segment
from longtail.index.vectors.scoring import Found, best_first

QUERIES_AT_ONCE = 2_048


def answers(
    segments: Mapping[int, Segment], queries: Sequence[Asked], exclusions: Exclusions, n_items: int
) -> list[SearchResult]:
    """Return each question's answers; all questions have the same vectors."""
    m = len(exclusions.counts)
    if 0 < m <= QUERIES_AT_ONCE and all(search_query.k <= n_items for search_query in queries):
        return [SearchResult(*best) for best in _of_part(segments, queries, exclusions, n_items)]
    results = [
        SearchResult(
            np.full((m, search_query.k), -1, np.int64),
            np.full((m, search_query.k), -np.inf, np.float32),
        )
        for search_query in queries
    ]
    for start in range(0, m, QUERIES_AT_ONCE):
        end = min(start + QUERIES_AT_ONCE, m)
        part = [search_query.part(start, end) for search_query in queries]
        best = _of_part(segments, part, exclusions.part(start, end), n_items)
        for result, (rows, scores) in zip(results, best, strict=True):
            result.rows[start:end, : rows.shape[1]] = rows
            result.scores[start:end, : rows.shape[1]] = scores
    return results


def _of_part(
    segments: Mapping[int, Segment], queries: Sequence[Asked], exclusions: Exclusions, n_items: int
) -> list[Found]:
    # Longer answers than the catalog are padding: don't carry it through every step.
    queries = [q if q.k <= n_items else replace(q, k=n_items) for q in queries]
    shared = {
        n: s for n, s in segments.items() if shares_products(s, len(queries[0]), len(queries))
    }
    together = best_of_each(shared, queries, exclusions) if shared else []
    merged = []
    for place, search_query in enumerate(queries):
        best = [
            segments[number].best(search_query.queries, search_query.k, exclusions)
            for number in search_query.segments
            if number not in shared
        ]
        merged.append(
            _merged(best + together[place : place + 1], len(search_query), search_query.k)
        )
    return merged


def _merged(parts: Sequence[Found], m: int, k: int) -> Found:
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([np.empty((m, 0), np.int64), *(rows for rows, _ in parts)], axis=1)
    scores = np.concatenate([np.empty((m, 0), np.float32), *(some for _, some in parts)], axis=1)
    return best_first(rows, scores, k)
