"""The tables of docs/suspects.md."""

from __future__ import annotations

from typing import Any

from gamed.clones import KINDS
from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path


def rewrite() -> None:
    """Put the tables between their markers."""
    results = read_results(results_path("suspects"))
    put_tables(
        DOCS / "suspects.md",
        {"copies": copies_table(results), "tricks": tricks_table(results)},
    )


def copies_table(results: dict[str, Any]) -> str:
    """Return two lines a catalog, with makers and without."""
    return rows_table(
        [
            {
                "catalog": folder,
                "items": f"{record['items']:,}",
                "makers": record["makers"] if part == "named" else "none",
                "honest items named": f"{record[part]['honest']:.2%}",
                "copies told": f"**{record[part]['clones']['all']:.1%}**",
            }
            | {kind: f"{record[part]['clones'][kind]:.1%}" for kind in KINDS}
            for folder, record in results.items()
            for part in ("named", "nameless")
        ]
    )


def tricks_table(results: dict[str, Any]) -> str:
    """Return a line a catalog and a column a trick."""
    return rows_table(
        [
            {"catalog": folder}
            | {
                trick: None if share is None else f"{share:.1%}"
                for trick, share in record["tricks"].items()
            }
            for folder, record in results.items()
        ]
    )
