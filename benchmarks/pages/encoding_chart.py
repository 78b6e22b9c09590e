"""The picture docs/images/encoding-growth.png."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from report.charts import COLOURS, GREY, in_plain_numbers, save_panels
from report.markdown import DOCS
from report.results_file import read_results, results_path

MOST_MS = 3.0
MOST_GROWTH = 1.1


def draw_time(axes: Axes, sizes: list[dict[str, Any]]) -> None:
    """Draw seconds against the number of texts, beside time that only grows with it."""
    items = [row["items"] for row in sizes]
    seconds = [row["seconds"] for row in sizes]
    per_text = seconds[-1] / items[-1]
    proportional = [per_text * n for n in items]
    axes.loglog(items, proportional, "--", color=GREY, label="in proportion to the largest")
    axes.loglog(items, seconds, "o-", color=COLOURS[0], label="measured")
    axes.set(title="Time to read a catalog", xlabel="texts in the catalog", ylabel="time, s")
    in_plain_numbers(axes.xaxis, axes.yaxis)
    axes.legend(frameon=False, loc="upper left")


def draw_memory(axes: Axes, sizes: list[dict[str, Any]]) -> None:
    """Draw the resident set of each catalog over its reading, and how far the largest may grow."""
    for number, row in enumerate(sizes):
        shade = 0.25 + 0.75 * (number + 1) / len(sizes)
        share = [100 * done / row["items"] for done, _, _ in row["watched"]]
        resident = [mb for _, _, mb in row["watched"]]
        axes.plot(share, resident, color=COLOURS[0], alpha=shade, label=f"{row['items']:,} texts")
    largest = sizes[-1]
    at_a_tenth = next(mb for done, _, mb in largest["watched"] if done >= largest["items"] / 10)
    limit = MOST_GROWTH * at_a_tenth
    axes.plot([10, 100], [limit, limit], "--", color=GREY)
    said = f"target: at most {MOST_GROWTH - 1:.0%} above a tenth of the way"
    axes.annotate(said, (100, limit), (0, 5), textcoords="offset points", ha="right", color=GREY)
    axes.set(title="Memory while it is read", xlabel="texts read, %", ylabel="resident set, MB")
    axes.set_ylim(0, 1.2 * max(limit, *(row["peak_mb"] for row in sizes)))
    axes.legend(frameon=False, loc="lower right")


def draw_histories(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw the time of one history against its length."""
    for colour, layers in zip(COLOURS, sorted({row["layers"] for row in rows}), strict=True):
        here = [row for row in rows if row["layers"] == layers]
        lengths = [row["length"] for row in here]
        name = f"with a BERT stack of {layers} layers" if layers else "recency and offsets alone"
        axes.loglog(lengths, [row["one_ms"] for row in here], "o-", color=colour, label=name)
    axes.axhline(MOST_MS, color=GREY, linestyle="--")
    said = f"target: at most {MOST_MS:g} ms"
    axes.annotate(said, (1, MOST_MS), (0, 5), textcoords="offset points", color=GREY)
    title = "One history through the user tower"
    axes.set(title=title, xlabel="items in the history", ylabel="median time on one thread, ms")
    in_plain_numbers(axes.xaxis, axes.yaxis)
    axes.legend(frameon=False, loc="upper left")
    # Room for the legend above the longest history.
    axes.set_ylim(top=4 * max(row["one_ms"] for row in rows))


def draw() -> None:
    """Draw the three panels."""
    found = read_results(results_path("encoding_growth"))["parts"]
    panels = [
        lambda axes: draw_time(axes, found["sizes"]),
        lambda axes: draw_memory(axes, found["sizes"]),
        lambda axes: draw_histories(axes, found["histories"]),
    ]
    save_panels(DOCS / "images" / "encoding-growth.png", panels)
