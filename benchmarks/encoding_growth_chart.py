"""Draw docs/images/encoding-growth.png from benchmarks/results/encoding_growth.json.

Run:  python benchmarks/encoding_growth_chart.py [RESULTS [PICTURE]]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "encoding_growth.json"
PICTURE = HERE.parent / "docs" / "images" / "encoding-growth.png"
COLOURS = ("#2a6f97", "#c8553d")
ASKED_MS = 3.0


def draw_time(axes: Axes, sizes: list[dict[str, Any]]) -> None:
    """Draw seconds against the number of texts, beside time that only grows with it."""
    items = [row["items"] for row in sizes]
    seconds = [row["seconds"] for row in sizes]
    per_text = seconds[-1] / items[-1]
    axes.loglog(items, [per_text * n for n in items], "--", color="#999999", label="in proportion")
    axes.loglog(items, seconds, "o-", color=COLOURS[0], label="measured")
    axes.set(title="Time to read a catalog", xlabel="texts", ylabel="seconds")
    axes.legend(frameon=False)


def draw_memory(axes: Axes, sizes: list[dict[str, Any]]) -> None:
    """Draw the resident set of each catalog over the course of its reading."""
    for number, row in enumerate(sizes):
        shade = 0.25 + 0.75 * (number + 1) / len(sizes)
        share = [100 * done / row["items"] for done, _, _ in row["watched"]]
        resident = [mb for _, _, mb in row["watched"]]
        axes.plot(share, resident, color=COLOURS[0], alpha=shade, label=f"{row['items']:,} texts")
    axes.axvline(10, color="#999999", linestyle=":")
    axes.set(title="Memory while it is read", xlabel="% of the texts", ylabel="resident set, MB")
    axes.set_ylim(0, 1.15 * max(row["peak_mb"] for row in sizes))
    axes.legend(frameon=False, loc="lower right")


def draw_histories(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw the time of one history against its length."""
    for colour, layers in zip(COLOURS, sorted({row["layers"] for row in rows}), strict=True):
        here = [row for row in rows if row["layers"] == layers]
        lengths = [row["length"] for row in here]
        name = f"with a BERT stack of {layers} layers" if layers else "recency and offsets alone"
        axes.loglog(lengths, [row["one_ms"] for row in here], "o-", color=colour, label=name)
    axes.axhline(ASKED_MS, color="#999999", linestyle="--")
    axes.annotate(f"asked: {ASKED_MS:g} ms", (1, ASKED_MS), (0, 4), textcoords="offset points")
    axes.set(title="One history, user tower", xlabel="items in the history", ylabel="ms (median)")
    axes.legend(frameon=False)


def main() -> None:
    """Draw the three panels."""
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE
    found = json.loads(results.read_text())["parts"]
    figure = Figure(figsize=(13, 4), layout="constrained")
    time, memory, histories = figure.subplots(1, 3)
    draw_time(time, found["sizes"])
    draw_memory(memory, found["sizes"])
    draw_histories(histories, found["histories"])
    for axes in (time, memory, histories):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
