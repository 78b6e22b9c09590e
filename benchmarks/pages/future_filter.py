"""The tables of docs/future-filter.md."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path


def rewrite() -> None:
    """Put the tables between their markers."""
    results = read_results(results_path("future_filter"))
    tables = {
        "future retail": retail_table(results["retail"]),
        "future made up": made_up_table(results["made_up"]),
    }
    put_tables(DOCS / "future-filter.md", tables)


def retail_table(rows: list[dict[str, Any]]) -> str:
    """Return a line a catalog and part of the year."""
    return rows_table(
        [
            {
                "catalog": row["catalog"],
                "products": f"{row['items']:,}",
                "seen": f"{row['year']:.0%}",
                "below: there / due": f"{row['items_below']:,} / {row['expected_below']:,.0f}",
                "came up: below / above": f"{row['gain_below']:.2f} / {row['gain_above']:.2f}",
                "standard errors": f"{row['edge_z']:.1f}, {row['gain_z']:.1f}",
                "suspected": "**yes**" if row["suspected"] else "no",
            }
            for row in rows
        ]
    )


def made_up_table(rows: list[dict[str, Any]]) -> str:
    """Return a line a catalog and a column a size of it."""
    table: dict[str, dict[str, Any]] = defaultdict(dict)
    sized = [row for row in rows if row["logs"] == "all" or row["logs"].endswith("items")]
    names = list(dict.fromkeys(row["logs"] for row in sized))
    names.sort(key=lambda name: 0 if name == "all" else int(name.split()[0].replace(",", "")))
    for row in sized:
        table[row["catalog"]][row["logs"]] = f"{row['suspected']:,} of {row['n']:,}"
    return rows_table(
        [
            {"catalog": catalog} | {n: cells.get(n) for n in names}
            for catalog, cells in table.items()
        ]
    )
