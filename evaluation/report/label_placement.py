"""Where the names in a picture go, so that none lies on another or on a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]

# Distances from the anchor that are tried, in the picture's units (points), and directions.
DISTANCES = (7.0, 14.0, 24.0, 38.0, 56.0, 80.0, 110.0)
DIRECTIONS = tuple(math.radians(angle) for angle in range(0, 360, 30))


@dataclass(frozen=True)
class Label:
    """One name to place: the points it may stand beside, best first, and its size."""

    anchors: Sequence[tuple[float, float]]
    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """Where a label goes: its centre, and the anchor that it belongs to."""

    x: float
    y: float
    anchor: tuple[float, float]
    distance: float


def place_labels(
    labels: Sequence[Label], obstacles: NDArray[np.float64], frame: Box
) -> list[Place]:
    """Return a place for each label, in their order: earlier ones have the first choice.

    A greedy search over distances, directions and anchors: other labels and leaving the ``frame``
    (left, bottom, right, top) cost most, then points of ``obstacles`` [n, 2] under the label, then
    the distance from the anchor.

    >>> found = place_labels([Label([(0, 0)], 20, 8)], np.zeros((0, 2)), (-50, -50, 50, 50))
    >>> found[0].x, found[0].y
    (17.0, 0.0)
    """
    taken: list[Box] = []
    places = []
    for label in labels:
        options = [
            (_cost(_box(place, label), taken, obstacles, frame, place, rank), place)
            for rank, anchor in enumerate(label.anchors)
            for distance in DISTANCES
            for place in _around(anchor, distance, label)
        ]
        # The first of equals: nearest, to the right.
        best = min(options, key=lambda option: option[0])[1]
        taken.append(_box(best, label))
        places.append(best)
    return places


def _around(anchor: tuple[float, float], distance: float, label: Label) -> list[Place]:
    found = []
    for angle in DIRECTIONS:
        across, up = math.cos(angle), math.sin(angle)
        x = anchor[0] + across * (distance + label.width / 2)
        y = anchor[1] + up * (distance + label.height / 2)
        found.append(Place(x, y, anchor, distance))
    return found


def _box(place: Place, label: Label) -> Box:
    half_width, half_height = label.width / 2, label.height / 2
    return (
        place.x - half_width,
        place.y - half_height,
        place.x + half_width,
        place.y + half_height,
    )


def _cost(
    box: Box,
    taken: Sequence[Box],
    obstacles: NDArray[np.float64],
    frame: Box,
    place: Place,
    rank: int,
) -> float:
    left, bottom, right, top = box
    outside = sum(
        max(0.0, over)
        for over in (frame[0] - left, frame[1] - bottom, right - frame[2], top - frame[3])
    )
    covered = sum(
        max(0.0, min(right, r) - max(left, x)) * max(0.0, min(top, t) - max(bottom, y))
        for x, y, r, t in taken
    )
    x, y = obstacles[:, 0], obstacles[:, 1]
    under = np.count_nonzero((x > left - 1) & (x < right + 1) & (y > bottom - 1) & (y < top + 1))
    return 1000 * (outside + covered) + 100 * float(under) + place.distance + 3 * rank
