"""How every picture of the report is drawn: inline SVG in the colours of the page it stands on."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.results import Evaluation
from longtail.retrieval.data.popularity import POOL_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# matplotlib writes fixed colours; these stand for CSS variables, so that one drawing serves the
# light and the dark page.
INK, GRID = "#010203", "#040506"
SERIES = tuple(f"#0a0b{number:02x}" for number in range(14))
POOL_COLOURS = ("#0d0e01", "#0d0e02", "#0d0e03")
VARIABLES = (
    {INK: "--ink", GRID: "--line"}
    | {colour: f"--series-{number}" for number, colour in enumerate(SERIES)}
    | {colour: f"--{name}" for colour, name in zip(POOL_COLOURS, POOL_NAMES, strict=True)}
)
MARKERS = "osD^vPXh<>pd*8"


def series_of(evaluation: Evaluation, name: str) -> tuple[str, str]:
    """Return the colour and the marker of a recommender's method, the same in every picture."""
    families = list(dict.fromkeys(family_and_debias(n)[0] for n in evaluation.recommenders))
    number = families.index(family_and_debias(name)[0])
    return SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]


def have_matplotlib() -> bool:
    """Return whether pictures can be drawn here."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


@contextmanager
def drawing(
    label: str, width: float = 4.8, height: float = 3.8
) -> Iterator[tuple[Axes, list[str]]]:
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
        figure = Figure(figsize=(width, height), layout="constrained")
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


def legend(axes: Axes, entries: int, columns: int = 2) -> None:
    """Name what was drawn, above the axes: in so many columns from four entries on."""
    legend = axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=columns if entries > 3 else 1,
        frameon=False,
        fontsize=9,
    )
    legend.set_in_layout(True)
