"""Overall recall against tail recall along the debias dial: curves, matched values, the front.

A method is judged by its curve, not by a point of it: with a dial, anyone can have more tail for
less overall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.results import Evaluation

# Overall recalls that differ by less are equal.
EQUAL = 1e-12


@dataclass(frozen=True)
class CurvePoint:
    """One debias strength of a method; ``name`` is the recommender's."""

    name: str
    debias: float
    overall: float
    tail: float


@dataclass(frozen=True)
class MatchedPoint:
    """Where a curve gives the most tail recall at no less than some overall recall.

    ``share`` of the users are served at ``upper``, the others at ``lower``: such a mixture has
    exactly the recalls of the point between them on the straight line.

    Attributes:
        tail: tail recall there.
        overall: overall recall there; above what was asked where the curve doesn't come down to it.
        lower, upper: the two points of the curve; the same one where ``share`` is 0.
        share: between 0 and 1.
    """

    tail: float
    overall: float
    lower: CurvePoint
    upper: CurvePoint
    share: float

    def user_values(self, evaluation: Evaluation, metric: str) -> NDArray[np.float64]:
        """Return each user's expected value under the mixture, float64 [n_users]."""
        lower = evaluation.user_values(self.lower.name, metric)
        if not self.share:
            return lower
        upper = evaluation.user_values(self.upper.name, metric)
        return (1 - self.share) * lower + self.share * upper


def curves(evaluation: Evaluation) -> dict[str, list[CurvePoint]]:
    """Return each method's points by rising debias; strengths without both recalls are left out."""
    by_family: dict[str, list[CurvePoint]] = {}
    for name in evaluation.recommenders:
        family, debias = family_and_debias(name)
        overall = evaluation.value(name, "recall")
        tail = evaluation.value(name, "tail_recall")
        if not math.isnan(overall) and not math.isnan(tail):
            by_family.setdefault(family, []).append(CurvePoint(name, debias, overall, tail))
    for points in by_family.values():
        points.sort(key=lambda point: point.debias)
    return by_family


def matched(curve: Sequence[CurvePoint], overall: float) -> MatchedPoint | None:
    """Return the most tail recall that a curve has at an overall recall of at least ``overall``.

    Neighbouring strengths are joined by straight lines. None when the whole curve lies below:
    then the method can't give that overall recall at any strength.

    >>> curve = [CurvePoint("a", 0, 0.3, 0.1), CurvePoint("b", 1, 0.1, 0.2)]
    >>> found = matched(curve, 0.2)
    >>> round(found.tail, 3), round(found.share, 3), matched(curve, 0.4)
    (0.15, 0.5, None)
    """
    candidates = [
        MatchedPoint(point.tail, point.overall, point, point, 0.0)
        for point in curve
        if point.overall >= overall - EQUAL
    ]
    for lower, upper in pairwise(curve):
        low, high = sorted((lower.overall, upper.overall))
        if low < overall < high:
            share = (overall - lower.overall) / (upper.overall - lower.overall)
            tail = lower.tail + share * (upper.tail - lower.tail)
            candidates.append(MatchedPoint(tail, overall, lower, upper, share))
    # The first of equals: the weaker strength.
    return max(candidates, key=lambda point: point.tail, default=None)


def tail_at(curve: Sequence[CurvePoint], overall: float) -> float:
    """Return `matched`'s tail recall, NaN where the curve doesn't reach ``overall``.

    >>> tail_at([CurvePoint("a", 0, 0.3, 0.1), CurvePoint("b", 1, 0.1, 0.2)], 0.05)
    0.2
    """
    point = matched(curve, overall)
    return math.nan if point is None else point.tail


def pareto_front(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Return the points that no other beats in one recall without losing in the other.

    By falling overall recall. Of equal points the first counts.

    >>> a, b, c = (CurvePoint(n, 0, x, y) for n, x, y in [("a", 3, 1), ("b", 2, 2), ("c", 1, 2)])
    >>> [point.name for point in pareto_front([c, b, a])]
    ['a', 'b']
    """
    front: list[CurvePoint] = []
    for point in sorted(points, key=lambda point: (-point.overall, -point.tail)):
        if not front or point.tail > front[-1].tail:
            front.append(point)
    return front
