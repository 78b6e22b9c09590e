"""Rewrite the tables of docs/serving.md from benchmarks/results/serve.json; none is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "serving.md"
LOADS = {
    "at_50_a_second": "50 requests a second, open loop",
    "at_concurrency_32": "32 clients, closed loop",
}


def tables(results: dict[str, Any]) -> str:
    """Return targets, loads and stages as Markdown."""
    settings, parts = results["settings"], results["parts"]
    lines = [
        f"Run `{settings['run']}`, {results['machine']['processors']} processors, "
        f"`--threads {settings['threads']}`, {settings['seconds']:g} s a load; a request is "
        f"{settings['request']}.",
        "",
        "| target | measured | asked | |",
        "|---|---|---|---|",
    ]
    for line in results["targets"]:
        verdict = "reached" if line["reached"] else "**short**"
        lines.append(f"| {line['name']} | {line['value']:.4g} | {line['target']:g} | {verdict} |")
    lines += [
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
    if soak := parts.get("soak"):
        slope = soak["memory_slope_mb_a_minute"]
        grown = "" if slope is None else f", memory {slope:+.2f} MB a minute"
        lines.append(
            f"Soak of {soak['minutes']:g} minutes: {soak['answers']:,} answers, {soak['swaps']} "
            f"new versions, {soak['server_errors']} server errors, {soak['mixed_versions']} "
            f"answers of mixed versions{grown}."
        )
    return "\n".join(lines)


def main() -> None:
    """Put the tables between their markers."""
    results = json.loads((HERE / "results" / "serve.json").read_text())
    pattern = re.compile(r"(<!-- serve results -->\n).*?(<!-- end -->)", re.DOTALL)
    page = pattern.sub(lambda found: f"{found[1]}{tables(results)}\n{found[2]}", PAGE.read_text())
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
