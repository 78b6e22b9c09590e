"""The table of a soak in docs/reliability.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables
from report.results_file import read_results, results_path
from report.targets import targets_table

CLIENTS = {"quiet": "without attackers", "attacked": "beside 20 attackers"}


def rewrite() -> None:
    """Put the table between its markers."""
    results = read_results(results_path("soak"))
    put_tables(DOCS / "reliability.md", {"soak results": tables(results)})


def tables(results: dict[str, Any]) -> str:
    """Return what was promised, what clients noticed and what happened, as Markdown."""
    settings, part = results["settings"], results["parts"]["soak"]
    changes, statuses = part["changes"], part["statuses"]
    refused = sum(count for status, count in statuses.items() if status in ("503", "504"))
    lines = [
        f"Run `{settings['run']}`, {results['machine']['processors']} processors, "
        f"{part['minutes']:g} minutes; a request is {settings['request']}.",
        "",
        targets_table(results["targets"]),
        "",
        "| client at 20 requests a second | answers | p50 ms | p99 ms | by status |",
        "|---|---|---|---|---|",
    ]
    for kind, said in CLIENTS.items():
        if found := part["clients"].get(kind):
            counts = ", ".join(f"{status}: {n:,}" for status, n in found["statuses"].items())
            times = f"{found['p50_ms']:.0f} | {found['p99_ms']:.0f}"
            lines.append(f"| {said} | {found['answers']:,} | {times} | {counts} |")
    happened = (
        f"{part['events']['acknowledged']:,} events acknowledged, {changes.get('swaps', 0)} "
        f"folders swapped in, {changes.get('PUT 200', 0)} items put and "
        f"{changes.get('DELETE 200', 0)} removed, `longtail learn` published "
        f"{changes.get('learned', 0)} times, {part['versions']} versions answered; "
        f"{sum(part['attackers'].values()):,} answers to attackers, {refused:,} times 503 or 504 "
        f"in all; load average {part['load_average']:.1f} at the end."
    )
    lines += ["", happened]
    if memory := part.get("memory_mb"):
        lines.append(
            f"Memory: {memory['after_a_minute']:.0f} MB after the first minute, "
            f"{memory['last']:.0f} at the end, {memory['largest']:.0f} at most, "
            f"{part['memory_slope_mb_a_minute']:+.2f} MB a minute."
        )
    return "\n".join(lines)
