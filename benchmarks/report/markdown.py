"""Tables of the documentation: rows as Markdown, put between the markers of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


def rows_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table of their scalar columns, four digits a number.

    >>> print(rows_table([{"items": 10, "ms": 0.51234}, {"items": 20, "note": "mapped"}]))
    | items | ms | note |
    |---|---|---|
    | 10 | 0.5123 | - |
    | 20 | - | mapped |
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def put_tables(page: Path, tables: Mapping[str, str]) -> None:
    """Put each table between ``<!-- NAME -->`` and ``<!-- end -->`` of a page.

    Raises:
        ValueError: the page has no such marker, or several.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = pattern.subn(lambda found, t=table: f"{found[1]}{t}\n{found[2]}", text)
        if count != 1:
            raise ValueError(f"{page} has {count} places for the table {name!r}")
    page.write_text(text, encoding="utf-8")
