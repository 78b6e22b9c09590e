"""What a command would print, kept for a notebook: text that is also a piece of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from html import escape

import pandas as pd
from rich.console import Console, RenderableType
from rich.table import Table

from longtail.console.console import text_of


class Screen(str):
    """Text of several lines; a notebook shows it as it stands, escaped."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<pre style="white-space:pre-wrap">{escape(self)}</pre>'

    def __repr__(self) -> str:
        # At a prompt it is to be read, not to be quoted.
        return str(self)


def screen_of(
    show: Callable[[Console], None], spelled: Callable[[str], str], remarks: Sequence[str] = ()
) -> Screen:
    """Return what ``show`` prints below some remarks, with names for temporary files."""
    lines = [*remarks, text_of(show).rstrip()]
    return Screen(spelled("\n".join(line for line in lines if line)))


def parts_of(screen: Iterable[Table | str], spelled: Callable[[str], str]) -> Screen:
    """Return tables and lines as a screen, with names for temporary files."""
    parts = [
        spelled(part) if isinstance(part, str) else _respelled(part, spelled) for part in screen
    ]

    def show(console: Console) -> None:
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, str))

    return screen_of(show, spelled)


def _respelled(table: Table, spelled: Callable[[str], str]) -> Table:
    """Return a table with other texts in its cells, before it is drawn: columns fit their texts."""

    def cell(given: RenderableType) -> RenderableType:
        return spelled(given) if isinstance(given, str) else given

    other = copy(table)
    other.columns = [column.copy() for column in table.columns]
    other.rows = []
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        other.add_row(*map(cell, cells))
    return other


def table_html(frame: pd.DataFrame, caption: str = "") -> str:
    """Return a frame as an HTML table: foreign text is escaped, and nothing is cut.

    >>> "<b>" in table_html(pd.DataFrame({"title": ["<b>tea</b>"]}))
    False
    """
    title = f"<caption style='text-align:left'>{escape(caption)}</caption>" if caption else ""
    with pd.option_context("display.max_colwidth", None):
        html: str = frame.to_html(index=False, escape=True, border=0, na_rep="")
    head, rest = html.split(">", 1)
    return f"{head}>{title}{rest}"
