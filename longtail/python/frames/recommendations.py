"""Recommendations as a pandas frame that a notebook shows with titles and popularity bars."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from longtail.retrieval.data.catalog import Catalog

# Without these it is another frame by now, and shown as pandas shows any.
_NEEDED = ("item_id", "rank", "popularity_percentile")
_BAR = "display:inline-block;height:.7em;background:{colour};width:{width:.0f}px"
_BAR_PIXELS = 80
_COLOURS = {"head": "#d1620a", "tail": "#16836a", "cold": "#0b6bcb"}
_SHOWN = (
    ("user_id", "user"),
    ("similar_to", "similar to"),
    ("rank", "#"),
    ("title", "title"),
    ("item_id", "item"),
    ("score", "score"),
    ("cosine", "cosine"),
    ("relevance", "relevance"),
    ("popularity_percentile", "popularity"),
    ("bucket", "pool"),
    ("because", "because"),
)


class Recommendations(pd.DataFrame):
    """The long frame of `Engine.recommend`: a pandas frame like any other.

    What pandas makes of it (a filter, a join) is one too, as long as the columns last.
    ``attrs["notes"]`` says, by user, what a reader should know.
    """

    @property
    def _constructor(self) -> type[Recommendations]:
        return Recommendations

    def _repr_html_(self) -> str:
        # Of pandas' own frames the base class decides; foreign text is escaped by it too.
        # Without its columns, or with two of a name, it is no answer any more.
        if (
            not set(_NEEDED) <= {str(label) for label in self.columns}
            or self.columns.has_duplicates
        ):
            plain: str = pd.DataFrame(self)._repr_html_()  # type: ignore[operator]
            return plain
        most = pd.get_option("display.max_rows") or len(self)
        shown = [(name, heading) for name, heading in _SHOWN if name in self.columns]
        heads = "".join(f"<th>{escape(heading)}</th>" for _, heading in shown)
        cells = (
            "".join(f"<td>{_cell(name, row[name], row)}</td>" for name, _ in shown)
            for row in self.head(most).to_dict("records")
        )
        lines = [f"<tr>{line}</tr>" for line in cells]
        more = len(self) - most
        rest = f"<div>and {more:,} more rows</div>" if more > 0 else ""
        notes = "".join(
            f"<div>{escape(str(user))}: {escape(str(note))}</div>"
            for user, note in _notes(self.attrs.get("notes"))[:most]
        )
        return (
            f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
            f"{rest}{notes}"
        )


def with_titles(frame: pd.DataFrame, catalog: Catalog) -> Recommendations:
    """Return answers with their items' titles beside the ids; of a catalog without any as they are.

    Everything else stays as the engine gave it, ``attrs`` too.
    """
    titles = catalog.frame.get("title")
    shown = Recommendations(frame)
    if titles is not None:
        rows = catalog.rows_of(frame["item_id"].tolist())
        texts = titles.to_numpy(dtype=object)[rows]
        if "title" in shown:
            shown = shown.drop(columns="title")
        shown.insert(list(shown.columns).index("item_id") + 1, "title", texts)
    shown.attrs = dict(frame.attrs)
    return shown


def _notes(kept: Any) -> list[tuple[Any, Any]]:
    # Attributes are anybody's to write.
    return list(kept.items()) if isinstance(kept, Mapping) else []


def _cell(name: str, value: Any, row: dict[Any, Any]) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        return escape(", ".join(map(str, value)))
    if value is None or pd.isna(value):
        return "-"
    if name == "popularity_percentile" and isinstance(value, Real):
        colour = _COLOURS.get(str(row.get("bucket")), "#5b6675")
        style = _BAR.format(colour=colour, width=float(value) * _BAR_PIXELS / 100)
        return f'<span style="{style}"></span> {float(value):.0f}'
    if isinstance(value, float | np.floating):
        return f"{value:.4f}" if name == "relevance" else f"{value:.3f}"
    return escape(str(value))
