"""The tables of docs/serving.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables
from report.results_file import read_results, results_path
from report.targets import targets_table

LOADS = {
    "at_50_a_second": "50 requests a second, open loop",
    "at_concurrency_32": "32 clients, closed loop",
}


def rewrite() -> None:
    """Put the tables between their markers."""
    put_tables(DOCS / "serving.md", {"serve results": tables(read_results(results_path("serve")))})


def tables(results: dict[str, Any]) -> str:
    """Return targets, loads and stages as Markdown."""
    settings, parts = results["settings"], results["parts"]
    lines = [
        f"Run `{settings['run']}`, {results['machine']['processors']} processors, "
        f"`--threads {settings['threads']}`, {settings['seconds']:g} s a load; a request is "
        f"{settings['request']}.",
        "",
        targets_table(results["targets"]),
        "",
        "| load | answers/s | p50 ms | p99 ms | requests a batch | queue ms | tower | search | "
        "score | rerank | body | HTTP |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, said in LOADS.items():
        found = parts[name]
        stages = found["engine_ms_an_answer"]
        cells = [
            f"{found['per_second']:.0f}",
            *(f"{found[key]:.1f}" for key in ("p50_ms", "p99_ms", "mean_batch", "queue_ms")),
            *(f"{stages[stage]:.2f}" for stage in ("tower", "search", "score", "rerank", "body")),
            f"{found['http_processor_ms_an_answer']:.2f}",
        ]
        lines.append(f"| {said} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Stages are milliseconds of the engine's thread for each answer, HTTP the processor time "
        f"of all the rest. Resident memory after the loads: {parts['resident_mb']:.0f} MB.",
    ]
    return "\n".join(lines)
