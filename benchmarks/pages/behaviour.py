"""The tables of docs/behaviour.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables
from report.results_file import read_results, results_path

COLUMNS = {"R@10": "recall", "N@10": "ndcg", "tail R": "tail_recall", "tail N": "tail_ndcg"}


def rewrite() -> None:
    """Put each table between its markers."""
    results = read_results(results_path("behaviour"))
    tables = {"quality": quality_table(results["quality"]), "sizes": size_table(results["sizes"])}
    put_tables(DOCS / "behaviour.md", tables)


def quality_table(quality: dict[str, list[dict[str, Any]]]) -> str:
    """Return one row a variant, four columns a data set."""
    heads = [f"{data} {column}" for data in quality for column in COLUMNS]
    lines = ["| variant | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    by_data = [{row["variant"]: row for row in rows} for rows in quality.values()]
    for variant in dict.fromkeys(name for rows in by_data for name in rows):
        cells = [
            f"{rows[variant][column]:.4f}"[1:] if variant in rows else "-"
            for rows in by_data
            for column in COLUMNS.values()
        ]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def size_table(sizes: dict[str, dict[str, Any]]) -> str:
    """Return one row a made-up log."""
    lines = [
        "| items | interactions | route | seconds | peak memory, log included | estimate | "
        "scores of 256 histories | their top 100 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in sizes.values():
        lines.append(
            f"| {found['items']:,} | {found['interactions']:,} | {found['route']} | "
            f"{found['seconds']:.0f} | {found['measured_peak_gb']:.1f} GB | "
            f"{found['peak_gb']:.1f} GB | {found['score_256_histories_ms']:.0f} ms | "
            f"{found['top_100_of_256_histories_ms']:.0f} ms |"
        )
    return "\n".join(lines)
