"""Recommendations as a table that a person can read at 100 columns."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from longtail.console.console import one_line
from longtail.retrieval.data.catalog import Catalog

# Column -> heading; what isn't named here is not shown. A heading may take two lines.
HEADINGS = {
    "rank": "#",
    "user_id": "user",
    "item_id": "item",
    "title": "title",
    "score": "score",
    "cosine": "cosine",
    "relevance": "relev-\nance",
    "popularity_percentile": "pop.\npct.",
    "bucket": "bucket",
    "base_rank": "base\nrank",
}
LEAST_TITLE_WIDTH = 24
REASONS_SHOWN = 2
_GAP = 2


def answer_table(frame: pd.DataFrame, catalog: Catalog, width: int) -> Table:
    """Return a table of answers at most ``width`` cells wide, if ids and titles let it.

    One line an answer; under the title, where the frame gives reasons, the titles of the two
    past items that carry the score most.
    """
    title_of = _titles(catalog)
    cells: dict[str, list[Text]] = {}
    for column in HEADINGS:
        if column == "title":
            cells[column] = [one_line(title_of(item)) for item in frame["item_id"]]
        elif column == "user_id" and "user_id" in frame and frame["user_id"].nunique() < 2:
            continue
        elif column in frame:
            cells[column] = [_cell(column, value) for value in frame[column]]
    others = sum(_width(c, t) + _GAP for c, t in cells.items() if c != "title")
    room = max(width - others, LEAST_TITLE_WIDTH)
    if "because" in frame:
        for title, reasons in zip(cells["title"], frame["because"], strict=True):
            title.truncate(room, overflow="ellipsis")
            for item in reasons[:REASONS_SHOWN]:
                title.append("\n")
                title.append_text(one_line(f"  because {title_of(item)}", room, "dim"))
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    for column in cells:
        is_text = column in ("title", "item_id", "user_id", "bucket")
        table.add_column(
            HEADINGS[column],
            justify="left" if is_text else "right",
            no_wrap=True,
            overflow="ellipsis",
            max_width=room if column == "title" else None,
            min_width=None if column == "title" else _width(column, cells[column]),
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _titles(catalog: Catalog) -> Any:
    """Return a function from item id to title (the id itself, in a catalog without titles)."""
    titles = catalog.frame.get("title")

    def title_of(item_id: str) -> str:
        title = None if titles is None else titles.iloc[int(catalog.rows_of([item_id])[0])]
        return item_id if title is None or pd.isna(title) or not str(title).strip() else str(title)

    return title_of


def _width(column: str, cells: list[Text]) -> int:
    lines = HEADINGS[column].split("\n")
    return max([*map(len, lines), *(cell_len(cell.plain) for cell in cells)])


def _cell(column: str, value: Any) -> Text:
    if pd.isna(value):
        return Text("-")
    if column == "popularity_percentile":
        return Text(f"{value:.0f}")
    if isinstance(value, float):
        return Text(f"{value:.4f}" if column == "relevance" else f"{value:.3f}")
    return one_line(value)
