"""The picture of all methods: overall recall against tail recall along the debias dial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.report.drawing import drawing, legend, series_of
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.compared_rows import default_subject
from longtail.evaluation.significance.trade_off import CurvePoint, curves, pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, HEIGHT_IN = 5.8, 5.4
STRENGTH_SIZE = 8.0
# How far from its marker a strength stands, in points.
STRENGTH_DISTANCE = 11.0
# Of two unit steps' difference, below which a bend is no bend.
STRAIGHT = 0.2


def trade_off_chart(evaluation: Evaluation, subject: str | None = None) -> str:
    """Return the curves of all methods with a legend; the subject's is the thick one.

    Filled markers are on the Pareto front over all methods and strengths, hollow ones are beaten
    in one recall without being better in the other. The subject's strengths stand at its markers.
    """
    k = evaluation.primary_k
    by_family = curves(evaluation)
    subject_family = family_and_debias(subject or default_subject(evaluation))[0]
    front = {point.name for point in pareto_front([p for c in by_family.values() for p in c])}
    label = f"Overall recall against tail recall at {k}"
    with drawing(label, WIDTH_IN, HEIGHT_IN) as (axes, result):
        # The subject first, then the strongest: the legend keeps this order.
        for family in sorted(
            by_family, key=lambda f: (f != subject_family, -by_family[f][0].overall)
        ):
            _draw_curve(axes, evaluation, by_family[family], front, thick=family == subject_family)
        axes.set_xlabel(f"overall recall@{k}")
        axes.set_ylabel(f"tail recall@{k}")
        axes.margins(0.08)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        if by_family:  # none, when overall and tail recall weren't both measured
            legend(axes, len(by_family), columns=3)
            _name_strengths(axes, by_family.get(subject_family, []))
    return result[0]


def _draw_curve(
    axes: Axes, evaluation: Evaluation, points: list[CurvePoint], front: set[str], *, thick: bool
) -> None:
    colour, marker = series_of(evaluation, points[0].name)
    width, size, height = (2.8, 8, 3) if thick else (1.3, 6, 2)
    axes.plot(
        [point.overall for point in points],
        [point.tail for point in points],
        color=colour,
        linewidth=width,
        zorder=height,
    )
    for point in points:
        axes.plot(
            [point.overall],
            [point.tail],
            color=colour,
            linestyle="none",
            marker=marker,
            markersize=size,
            markerfacecolor=colour if point.name in front else "none",
            zorder=height + 1,
            clip_on=False,  # a marker at zero is a whole marker
        )
    # What the legend shows: the line with its marker, whichever points are on the front.
    axes.plot(
        [],
        [],
        color=colour,
        linewidth=width,
        marker=marker,
        markersize=size,
        label=family_and_debias(points[0].name)[0],
    )


def _name_strengths(axes: Axes, points: list[CurvePoint]) -> None:
    if len(points) < 2:
        return
    at = axes.transData.transform([(point.overall, point.tail) for point in points])
    for point, offset in zip(points, STRENGTH_DISTANCE * outward(at), strict=True):
        axes.annotate(
            f"{point.debias:g}",
            (point.overall, point.tail),
            (float(offset[0]), float(offset[1])),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=STRENGTH_SIZE,
            annotation_clip=False,
        )


def outward(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction away from the curve at each of its points, unit vectors [n, 2].

    Away from both neighbours at a bend, from the only one at an end, and up where it is straight.

    >>> outward(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])).round(2).tolist()
    [[-0.71, -0.71], [0.0, 1.0], [0.71, -0.71]]
    """
    steps = _unit(np.diff(curve, axis=0))
    away = np.zeros_like(curve)
    away[1:] += steps
    away[:-1] -= steps
    straight = np.linalg.norm(away, axis=1) < STRAIGHT
    along = steps[np.maximum(np.flatnonzero(straight) - 1, 0)]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    away[straight] = np.where(across[:, 1:] < 0, -across, across)
    return _unit(away)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float64)
