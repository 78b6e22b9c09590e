"""The tables and the pictures of docs/first-days.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator
from report.charts import GREY, in_plain_numbers, save_panels
from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path

from longtail.evaluation.report.numbers import share, signed

MEASURES = ("R@10", "tail R", "tail pool")
ENGINE = "longtail"
COLOURS = {
    ENGINE: "#2a6f97",
    "EASE + text": "#c8553d",
    "content kNN": "#588157",
    "EASE": "#9a8c98",
    "ItemKNN": GREY,
}
# Where a logarithmic axis shows a log of nobody.
NOBODY = 10


def rewrite() -> None:
    """Put the tables between their markers, and draw the pictures."""
    rows = read_results(results_path("first_days_curve"))["rows"]
    put_tables(
        DOCS / "first-days.md",
        {
            "first days": rows_table(list(table_rows(rows))),
            "first days tests": rows_table(list(test_rows(rows))),
        },
    )
    draw(rows)


def table_rows(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what each recommender finds at each point."""
    for row in rows:
        if row["recommender"] == ENGINE or "left out" not in row:
            yield {
                "data": row["data"],
                "users": f"{row['users']:,}",
                "events": f"{row['events']:,}",
                "recommender": row["recommender"]
                + (f" ({row['head']})" if row["recommender"] == ENGINE else ""),
                **{name: share(row[name]) for name in MEASURES},
            }


def test_rows(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what the engine finds more than the best other one by each measure."""
    points = dict.fromkeys((row["data"], row["users"]) for row in rows)
    for data, users in points:
        here = [row for row in rows if (row["data"], row["users"]) == (data, users)]
        others = [row for row in here if f"{MEASURES[0]}: more" in row]
        line: dict[str, Any] = {"data": data, "users": f"{users:,}"}
        for name in MEASURES:
            best = max(others, key=lambda row, name=name: float(row[name]))  # type: ignore[misc]
            more, low, high = best[f"{name}: more"]
            clear = "" if low <= 0 <= high else " *"
            line[name] = f"{signed(more)}{clear} ({best['recommender']})"
        yield line


def draw(rows: list[dict[str, Any]]) -> None:
    """Draw each measure against the number of users in the log, a picture a data set."""
    for data in dict.fromkeys(row["data"] for row in rows):
        here = [row for row in rows if row["data"] == data]
        panels = [
            lambda axes, here=here, name=name: draw_panel(axes, here, name) for name in MEASURES
        ]
        save_panels(DOCS / "images" / f"first-days-{data.split('_')[0]}.png", panels)


def draw_panel(axes: Axes, rows: list[dict[str, Any]], name: str) -> None:
    """Draw a line a recommender."""
    for recommender, colour in COLOURS.items():
        line = [row for row in rows if row["recommender"] == recommender and name in row]
        users = [max(row["users"], NOBODY) for row in line]
        wide = 2.4 if recommender == ENGINE else 1.4
        values = [row[name] for row in line]
        axes.semilogx(users, values, "o-", color=colour, linewidth=wide, label=recommender)
    axes.set(title=f"{rows[0]['data']}: {name}", xlabel="users in the log")
    axes.set_ylim(bottom=0)
    users = sorted({row["users"] for row in rows})
    in_plain_numbers(axes.xaxis)
    axes.xaxis.set_major_locator(FixedLocator([max(n, NOBODY) for n in users]))
    axes.set_xticklabels([f"{n:,}" for n in users], rotation=45)
    if name == MEASURES[0]:
        axes.legend(frameon=False, loc="center left", fontsize="small")
