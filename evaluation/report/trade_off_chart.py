"""The picture of all methods: overall recall against tail recall along the debias dial."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.report.drawing import INK, drawing, series_of
from longtail.evaluation.report.label_placement import Label, place_labels
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.compared_rows import default_subject
from longtail.evaluation.significance.trade_off import CurvePoint, curves, pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, HEIGHT_IN = 9.6, 5.8
LABEL_SIZE = 9.5
# A leader line from this distance on; nearer, a name is plainly its curve's.
LEADER_FROM = 12.0


def trade_off_chart(evaluation: Evaluation, subject: str | None = None) -> str:
    """Return the curves of all methods, named in the picture; the subject's is the thick one.

    Filled markers are on the Pareto front over all methods and strengths, hollow ones are beaten
    in one recall without being better in the other.
    """
    k = evaluation.primary_k
    found = curves(evaluation)
    own = family_and_debias(subject or default_subject(evaluation))[0]
    front = {point.name for point in pareto_front([p for c in found.values() for p in c])}
    label = f"Overall recall against tail recall at {k}"
    with drawing(label, WIDTH_IN, HEIGHT_IN) as (axes, result):
        for family, points in found.items():
            _draw_curve(axes, evaluation, points, front, thick=family == own)
        axes.set_xlabel(f"overall recall@{k}")
        axes.set_ylabel(f"tail recall@{k}")
        axes.margins(0.08)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        if found:  # none, when overall and tail recall weren't both measured
            _name_curves(axes, evaluation, found, own)
    return result[0]


def _draw_curve(
    axes: Axes, evaluation: Evaluation, points: list[CurvePoint], front: set[str], *, thick: bool
) -> None:
    colour, marker = series_of(evaluation, points[0].name)
    axes.plot(
        [point.overall for point in points],
        [point.tail for point in points],
        color=colour,
        linewidth=2.8 if thick else 1.3,
        zorder=3 if thick else 2,
    )
    for point in points:
        axes.plot(
            [point.overall],
            [point.tail],
            color=colour,
            marker=marker,
            markersize=8 if thick else 6,
            markerfacecolor=colour if point.name in front else "none",
            zorder=4 if thick else 3,
            clip_on=False,  # a marker at zero is a whole marker
        )


def _name_curves(
    axes: Axes, evaluation: Evaluation, found: dict[str, list[CurvePoint]], own: str
) -> None:
    figure = axes.get_figure(root=True)
    if figure is None:  # never: these axes were made for a figure
        return
    # Settles the layout: from here on positions can be asked for.
    figure.draw_without_rendering()
    scale = 72.0 / figure.dpi
    at = {
        family: axes.transData.transform([(p.overall, p.tail) for p in points]) * scale
        for family, points in found.items()
    }
    frame = np.array(axes.get_window_extent().extents) * scale
    wanted: list[tuple[str, str, bool, list[tuple[float, float]]]] = []
    if own in found and len(found[own]) > 1:
        for point, place in zip(found[own], at[own], strict=True):
            wanted.append((f"{point.debias:g}", own, False, [_pair(place)]))
    # The subject first, then from the top right: where it is crowded, the stronger choose first.
    for family in sorted(found, key=lambda f: (f != own, -found[f][0].overall)):
        ends = [at[family][0], at[family][-1], *at[family][1:-1]]
        wanted.append((family, family, True, [_pair(place) for place in ends]))
    labels = [
        Label(anchors, *_size(axes, text, scale, bold=family == own and name))
        for text, family, name, anchors in wanted
    ]
    obstacles = np.concatenate([_along(points) for points in at.values()])
    left, bottom, right, top = (float(value) for value in frame)
    places = place_labels(labels, obstacles, (left + 2, bottom + 2, right, top))
    for (text, family, name, _), place in zip(wanted, places, strict=True):
        # Matplotlib takes offsets from the point in points; the anchor is found again in data.
        anchor = _pair(axes.transData.inverted().transform(np.array(place.anchor) / scale))
        colour = series_of(evaluation, found[family][0].name)[0]
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}
        axes.annotate(
            text,
            anchor,
            (place.x - place.anchor[0], place.y - place.anchor[1]),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=LABEL_SIZE if name else LABEL_SIZE - 1.5,
            fontweight="bold" if family == own and name else "normal",
            color=colour if name else INK,
            arrowprops=leader if place.distance >= LEADER_FROM else None,
            annotation_clip=False,
        )


def _size(axes: Axes, text: str, scale: float, *, bold: bool) -> tuple[float, float]:
    """Return a text's width and height in points, as the widest of the page's fonts sets it."""
    drawn = axes.text(0, 0, text, fontsize=LABEL_SIZE, fontweight="bold" if bold else "normal")
    box = drawn.get_window_extent()
    drawn.remove()
    return float(box.width) * scale + 3, float(box.height) * scale + 1


def _along(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points every few units along a curve, its markers more than once."""
    found = [points, points, points]
    for start, stop in pairwise(points):
        steps = max(2, int(np.hypot(*(stop - start)) / 3))
        found.append(start + np.linspace(0, 1, steps)[:, None] * (stop - start))
    return np.concatenate(found)


def _pair(place: NDArray[np.float64]) -> tuple[float, float]:
    return float(place[0]), float(place[1])
