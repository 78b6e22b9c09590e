"""Rewrite the tables of docs/index.md from benchmarks/results/index.json; none is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from index_search import table

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "index.md"


def section(name: str, part: dict[str, Any]) -> str:
    """Return the table of one part, its targets, and what the machine could do meanwhile."""
    ceilings = ceiling_line(part["ceilings"])
    lines = [f"### {name.capitalize()}", "", ceilings, "", table(part["found"]["rows"]), ""]
    for line in part["targets"]:
        reached = "reached" if line["reached"] else "**short**"
        lines.append(f"- {line['name']}: {line['value']:.3g} (asked {line['target']:g}), {reached}")
    return "\n".join(lines)


def ceiling_line(ceiling: dict[str, Any]) -> str:
    """Return what the machine can do, as a sentence."""
    reads = [
        f"{found['gb_per_second']:.1f} GB/s with {name.split('_')[1]} thread(s)"
        for name, found in ceiling.items()
        if name.startswith("read_")
    ]
    return f"Ceilings: reads {', '.join(reads)}; {ceiling['matrix']['gflops']:.0f} GFLOP/s float32."


def main() -> None:
    """Put the tables between their markers."""
    results = json.loads((HERE / "results" / "index.json").read_text())
    settings = results["settings"]
    first = (
        f"{settings['real_items']:,} items are real, the noise of the others is "
        f"{settings['noise']:.2f} long; {settings['threads']} threads. "
        "Parts that were measured in different runs have other ceilings."
    )
    parts = [section(name, part) for name, part in results["parts"].items()]
    body = "\n\n".join([first, *parts])
    pattern = re.compile(r"(<!-- index results -->\n).*?(<!-- end -->)", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda found: f"{found[1]}{body}\n{found[2]}", PAGE.read_text()))


if __name__ == "__main__":
    main()
