"""Questions as they come in, checked against the segments that they are put to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.index.checks import check_reach, weighted_queries
from longtail.index.errors import VectorIndexError
from longtail.index.search.query import Asked, SearchQuery
from longtail.index.search.segment import Segment
from longtail.index.vectors.scoring import lengths, reach_of


def checked_questions(
    vectors: NDArray[np.float32],
    search_queries: Sequence[SearchQuery],
    segments: Sequence[Segment],
    pools: Sequence[str],
) -> list[Asked]:
    """Return the questions about these vectors [m, d], with what they ask of which segments.

    Raises:
        VectorIndexError: a value isn't finite, or shapes or names don't fit.
    """
    checked = []
    norms: NDArray[np.float64] | None = None
    longest, largest = greatest_bounds(segments)
    for search_query in search_queries:
        if search_query.k < 1:
            raise VectorIndexError(f"k must be at least 1, not {search_query.k}")
        full = weighted_queries(vectors, search_query.popularity_weight, segments[0].dim)
        norms = lengths(vectors) if norms is None else norms
        reach = reach_of(norms, full[:, -1], longest, largest)
        check_reach(reach)
        numbers = numbers_of_pools(search_query.segments, segments, pools)
        checked.append(Asked(full, search_query.k, numbers, reach))
    return checked


def numbers_of_pools(
    names: Collection[str] | None, segments: Sequence[Segment], pools: Sequence[str]
) -> tuple[int, ...]:
    """Return the numbers of these pools' segments; None names all pools.

    Raises:
        VectorIndexError: there is no pool of a name.
    """
    if names is None:
        return tuple(range(len(segments)))
    unknown = sorted(set(names) - set(pools))
    if unknown:
        raise VectorIndexError(f"no segment {unknown[0]!r}; there are {', '.join(pools)}")
    return tuple(number for number, s in enumerate(segments) if s.pool in names)


def greatest_bounds(segments: Sequence[Segment]) -> tuple[float, float]:
    """Return the greatest norm of a vector, and the greatest magnitude of a popularity."""
    longest = max(segment.longest for segment in segments)
    return longest, max(segment.largest_popularity for segment in segments)
