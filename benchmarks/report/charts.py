"""What the pictures in docs/images have in common: colours, number formats, panels in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

COLOURS = ("#2a6f97", "#c8553d")
GREY = "#777777"


def in_plain_numbers(*axis: Axis) -> None:
    """Name the powers of ten of a logarithmic axis as people write them: 0.1, 10, 10,000."""
    for one in axis:
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        one.set_minor_formatter(NullFormatter())


def save_panels(picture: Path, panels: Sequence[Callable[[Axes], None]]) -> None:
    """Draw the panels beside one another into a PNG file."""
    figure = Figure(figsize=(4.5 * len(panels), 4.2), layout="constrained", facecolor="white")
    for axes, draw in zip(figure.subplots(1, len(panels)), panels, strict=True):
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(picture, dpi=110, metadata={"Software": None})
