"""The report's pictures as inline SVG, in the colours of the page they stand on."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from evaluation.calibration import Calibration
from evaluation.protocol import family_and_debias
from evaluation.results import Evaluation
from evaluation.tally import BAND_NAMES
from retrieval.popularity import BUCKETS, Popularity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# matplotlib writes fixed colours; these stand for CSS variables, so that one drawing serves the
# light and the dark page.
INK, GRID = "#010203", "#040506"
SERIES = tuple(f"#0a0b{number:02x}" for number in range(8))
BUCKET_COLOURS = ("#0d0e01", "#0d0e02", "#0d0e03")
VARIABLES = (
    {INK: "--ink", GRID: "--line"}
    | {colour: f"--series-{number}" for number, colour in enumerate(SERIES)}
    | {colour: f"--{name}" for colour, name in zip(BUCKET_COLOURS, BUCKETS, strict=True)}
)
MARKERS = "osD^vPXh"


def have_matplotlib() -> bool:
    """Return whether pictures can be drawn here."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def tradeoff_chart(evaluation: Evaluation) -> str:
    """Return overall recall against tail recall: a point a recommender, a curve a debias dial."""
    families: dict[str, list[tuple[float, float, float]]] = {}
    for name in evaluation.recommenders:
        family, debias = family_and_debias(name)
        point = evaluation.value(name, "recall"), evaluation.value(name, "tail_recall")
        if not any(math.isnan(value) for value in point):
            families.setdefault(family, []).append((debias, *point))
    k = evaluation.primary_k
    label = f"Overall recall against tail recall at {k}"
    with _drawing(label) as (axes, result):
        for number, (family, points) in enumerate(families.items()):
            points.sort()
            axes.plot(
                [point[1] for point in points],
                [point[2] for point in points],
                color=SERIES[number % len(SERIES)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=7,
                linewidth=1.6,
                clip_on=False,  # a marker at zero is a whole marker
                label=family,
            )
            # The ends alone: strengths between them would write over one another.
            if points[0][1:] != points[-1][1:]:
                for debias, x, y in (points[0], points[-1]):
                    axes.annotate(f"{debias:g}", (x, y), (4, 5), textcoords="offset points")
        axes.set_xlabel(f"overall recall@{k}")
        axes.set_ylabel(f"tail recall@{k}")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.margins(0.15)
        if families:  # none, when overall and tail recall weren't both measured
            _legend(axes, len(families))
    return result[0]


def bands_chart(evaluation: Evaluation, subject: str | None = None, most: int = 5) -> str:
    """Return recall by the target's training count, a line a recommender (at most ``most``).

    A subject that is a debias setting stands beside the undebiased lines, dashed.
    """
    k = evaluation.primary_k
    names = [n for n in evaluation.recommenders if evaluation.bands.get(n)]
    plain = [n for n in names if not family_and_debias(n)[1]] or names
    # The first is the subject of the report; then the strongest.
    ranked = sorted(plain[1:], key=lambda n: -evaluation.value(n, "recall"))
    with _drawing(f"Recall at {k} by the target's number of training users") as (axes, result):
        chosen = [*plain[:1], *ranked][:most]
        dialled = [subject] if subject in names and subject not in chosen else []
        for name in [*dialled, *chosen]:
            # The colour it has in the other charts.
            family = family_and_debias(name)[0]
            number = plain.index(family) if family in plain else 0
            found = evaluation.bands[name]
            axes.plot(
                range(len(BAND_NAMES)),
                [found.get(band, {}).get(f"recall_micro@{k}", math.nan) for band in BAND_NAMES],
                color=SERIES[number % len(SERIES)],
                marker=MARKERS[number % len(MARKERS)],
                linewidth=1.6,
                linestyle="--" if name in dialled else "-",
                clip_on=False,  # a marker at zero is a whole marker
                label=name,
            )
        counts = evaluation.bands[chosen[0]]
        axes.set_xticks(
            range(len(BAND_NAMES)),
            [f"{band}\n({counts.get(band, {}).get('targets', 0):,.0f})" for band in BAND_NAMES],
        )
        axes.set_xlabel("training users of the target (number of targets)")
        axes.set_ylabel(f"share of targets found@{k}")
        axes.set_ylim(bottom=0)
        _legend(axes, len(chosen))
    return result[0]


def popularity_chart(popularity: Popularity) -> str:
    """Return training users by popularity rank, on logarithmic axes, with the buckets marked."""
    order = np.lexsort((popularity.bucket, -popularity.counts))
    counts, bucket = popularity.counts[order], popularity.bucket[order]
    # A path of 300 points looks the same as one of a million, and the page stays small.
    spread = np.geomspace(1, max(len(order), 1), 300).round().astype(int) - 1
    with _drawing("Training users of every item, by popularity rank") as (axes, result):
        for code, name in enumerate(BUCKETS):
            size = int((bucket == code).sum())
            places = np.flatnonzero(bucket == code)
            if not size:
                continue
            shown = np.unique(np.concatenate([spread[bucket[spread] == code], places[[0, -1]]]))
            axes.plot(
                shown + 1,
                # Cold items have no logarithm: drawn on the floor, at one half.
                np.maximum(counts[shown], 0.5),
                color=BUCKET_COLOURS[code],
                linewidth=3,
                label=f"{name}: {size:,} items, {_mass(counts[places], counts)} of interactions",
            )
            axes.fill_between(
                shown + 1,
                0.4,
                np.maximum(counts[shown], 0.5),
                color=BUCKET_COLOURS[code],
                alpha=0.18,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
            axis.set_minor_formatter("")
        axes.tick_params(which="minor", length=0)
        axes.set_ylim(bottom=0.4)
        axes.set_xlabel("items, most popular first")
        axes.set_ylabel("training users")
        _legend(axes, 3)
    return result[0]


def calibration_chart(calibration: Calibration) -> str:
    """Return the reliability diagram: predicted probability against the share that came true."""
    bins = calibration.bins
    with _drawing("Predicted relevance against the share that was taken") as (axes, result):
        top = max(0.05, float(max(bins.probability.max(), bins.share.max()))) * 1.08
        axes.plot([0, top], [0, top], color=INK, linewidth=1, linestyle="--", label="exact")
        axes.plot(bins.probability, bins.share, color=SERIES[0], linewidth=1.2)
        sizes = 18 + 160 * bins.count / bins.count.max()
        axes.scatter(
            bins.probability,
            bins.share,
            s=sizes,
            color=SERIES[0],
            zorder=3,
            label="relevance head (area: examples)",
        )
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share taken")
        _legend(axes, 2)
    return result[0]


@contextmanager
def _drawing(label: str) -> Iterator[tuple[Axes, list[str]]]:
    """Yield axes to draw on and a list that holds the SVG once the block has ended."""
    import matplotlib
    from matplotlib.figure import Figure

    settings = {
        "svg.fonttype": "none",  # text stays text: small, sharp, readable to a screen reader
        "svg.hashsalt": label,  # the same drawing gives the same file
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "font.family": "sans-serif",
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
    } | dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK
    )
    result: list[str] = []
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(4.8, 3.8), layout="constrained")
        axes = figure.add_subplot()
        for part in (figure, axes):
            part.set_facecolor("none")
        yield axes, result
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    result.append(_inline(buffer.getvalue(), label))


def _inline(svg: str, label: str) -> str:
    """Return the svg element alone, scalable, coloured by the page, with ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    prefix = re.sub(r"\W+", "-", label.lower())
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{label}">{rest}'


def _legend(axes: Axes, entries: int) -> None:
    legend = axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2 if entries > 3 else 1,
        frameon=False,
        fontsize=9,
    )
    legend.set_in_layout(True)


def _mass(part: np.ndarray, everything: np.ndarray) -> str:
    return f"{100 * part.sum() / max(everything.sum(), 1):.0f} %"
