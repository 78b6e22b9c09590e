"""The table of docs/debias.md: the tail at equal overall quality."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path

FAMILIES = ("dial alone", "weight 2", "weight 3", "two heads", "tail bonus")


def rewrite() -> None:
    """Put the table between its markers."""
    put_tables(DOCS / "debias.md", {"dial": level_table(read_results(results_path("dial")))})


def level_table(results: dict[str, Any]) -> str:
    """Return a line a run and level of overall NDCG@10, a column a family."""
    return rows_table(
        [
            {"data": name, "at": line["level"], "N@10": f"{line['overall']:.4f}"}
            | {family: _cell(line, family) for family in FAMILIES}
            for name, result in results.items()
            for line in result["levels"]
            if line["metric"] == "ndcg"
        ]
    )


def _cell(line: dict[str, Any], family: str) -> str:
    """Return a tail figure and the interval of its gain on the dial alone."""
    if line.get(family) is None:
        return "-"
    low, high = line.get(f"{family} low"), line.get(f"{family} high")
    gain = "" if low is None else f" ({low:+.4f} .. {high:+.4f})"
    return f"{line[family]:.4f}{gain}"
