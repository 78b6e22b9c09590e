"""The picture docs/images/index-sizes.png."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from report.charts import COLOURS, GREY, in_plain_numbers, save_panels
from report.markdown import DOCS
from report.results_file import read_results, results_path

MOST_GB = 20.0
QUERIES_A_BATCH = 256


def draw_queries(axes: Axes, rows: list[dict[str, Any]], slope: float) -> None:
    """Draw the time of a query, alone and in a batch, against the number of items."""
    items = [row["items"] for row in rows]
    alone = [row["single_ms"] for row in rows]
    in_batch = [1e3 / row["batch_qps"] for row in rows]
    axes.loglog(items, in_proportion(items, alone), "--", color=GREY, label="read as a whole")
    axes.loglog(items, alone, "o-", color=COLOURS[0], label=f"alone: time ~ items^{slope:.2f}")
    axes.loglog(items, in_batch, "o-", color=COLOURS[1], label=f"in batches of {QUERIES_A_BATCH}")
    for row in rows:
        said = f"{row['recall']:.3f}"
        place = (row["items"], row["single_ms"])
        axes.annotate(said, place, (0, 7), textcoords="offset points", ha="center", fontsize=8)
    axes.set(title="A query, with its recall@10", xlabel="items", ylabel="time a query, ms")
    in_plain_numbers(axes.xaxis, axes.yaxis)
    axes.legend(frameon=False, loc="upper left")
    axes.set_ylim(top=60 * max(alone))  # room for the legend


def draw_build(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw the time of building, tuning included, and of opening the saved index."""
    named = {"build_seconds": "build and tune", "open_seconds": "open, memory-mapped"}
    draw_columns(axes, rows, named)
    axes.set(title="Building and opening", xlabel="items", ylabel="time, s")
    axes.legend(frameon=False, loc="upper left")


def draw_memory(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw what the process takes while it builds and searches, and what lies on the disk."""
    draw_columns(axes, rows, {"peak_gb": "most memory of its own", "disk_gb": "on the disk"})
    axes.axhline(MOST_GB, color=GREY, linestyle="--")
    said, place = f"target: at most {MOST_GB:g} GB", (rows[-1]["items"], MOST_GB)
    axes.annotate(said, place, (0, 5), textcoords="offset points", ha="right", color=GREY)
    axes.set(title="Memory and disk", xlabel="items", ylabel="GB")
    axes.legend(frameon=False, loc="lower right")
    axes.set_ylim(top=3 * MOST_GB)


def draw_columns(axes: Axes, rows: list[dict[str, Any]], named: dict[str, str]) -> None:
    """Draw columns against the number of items, each under its name."""
    items = [row["items"] for row in rows]
    for colour, (column, name) in zip(COLOURS, named.items(), strict=True):
        axes.loglog(items, [row[column] for row in rows], "o-", color=colour, label=name)
    in_plain_numbers(axes.xaxis, axes.yaxis)


def in_proportion(items: Sequence[int], times: Sequence[float]) -> list[float]:
    """Return the second size's time an item, at every size: it is searched by reading all."""
    an_item = times[1] / items[1]
    return [an_item * n for n in items]


def draw() -> None:
    """Draw the three panels."""
    found = read_results(results_path("index"))["parts"]["sizes"]["found"]
    rows = found["rows"]
    panels = [
        lambda axes: draw_queries(axes, rows, found["slope"]),
        lambda axes: draw_build(axes, rows),
        lambda axes: draw_memory(axes, rows),
    ]
    save_panels(DOCS / "images" / "index-sizes.png", panels)
