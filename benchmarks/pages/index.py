"""The tables of docs/vector_index.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path
from report.targets import targets_table


def rewrite() -> None:
    """Put the tables between their markers."""
    results = read_results(results_path("index"))
    settings = results["settings"]
    first = (
        f"{settings['real_items']:,} items are real, the noise of the others is "
        f"{settings['noise']:.2f} long; {settings['threads']} threads. "
        "Parts that were measured in different runs have other ceilings."
    )
    parts = [section(name, part) for name, part in results["parts"].items()]
    tables = {
        "targets": targets_table(results["targets"]),
        "index results": "\n\n".join([first, *parts]),
    }
    put_tables(DOCS / "vector_index.md", tables)


def section(name: str, part: dict[str, Any]) -> str:
    """Return the table of one part, and what the machine could do meanwhile."""
    lines = [f"### {name.capitalize()}", "", ceiling_line(part["ceilings"]), ""]
    return "\n".join([*lines, rows_table(part["found"]["rows"])])


def ceiling_line(ceiling: dict[str, Any]) -> str:
    """Return what the machine can do, as a sentence."""
    reads = [
        f"{found['gb_per_second']:.1f} GB/s with {name.split('_')[1]} thread(s)"
        for name, found in ceiling.items()
        if name.startswith("read_")
    ]
    return f"Ceilings: reads {', '.join(reads)}; {ceiling['matrix']['gflops']:.0f} GFLOP/s float32."
