"""Rewrite the tables of docs/speed.md from benchmarks/results/encoding.json; none is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from encoding import verdict

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"


def section(part: dict[str, Any]) -> str:
    """Return the table of one folder at one token limit."""
    ceilings = ", ".join(f"{n} {rate:.0f}" for n, rate in part["ceilings_gflops"].items())
    lines = [
        f"**{part['folder']}**, at most {part['token_limit']} tokens a text (mean "
        f"{part['mean_tokens']:.1f}), {part['items']:,} texts. Ceilings in GFLOP/s: {ceilings}.",
        "",
        "| | items/s (least to greatest) | tokens/s | share of ceiling | cosine, least | "
        "nearest 100 alike |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in part["found"].items():
        share, parity = found["share_of_ceiling"], found.get("parity")
        cells = [
            f"{found['items_per_second']:.0f} ({found['least']:.0f} to {found['greatest']:.0f})",
            f"{found['tokens_per_second']:,.0f}",
            "" if share is None else f"{share:.0%}",
            f"{parity['cosine']:.4f}, {parity['cosine_min']:.4f}" if parity else "",
            f"{parity['overlap']:.1%}" if parity else "",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Put the tables between their markers."""
    results = json.loads((HERE / "results" / "encoding.json").read_text())
    settings = results["settings"]
    first = (
        f"{settings['encoder']}, {settings['threads']} threads, {settings['simd']}, "
        f"median of {settings['rounds']} rounds."
    )
    judged = "\n".join(f"- {verdict(line)[len('target ') :]}" for line in results["targets"])
    body = "\n\n".join([first, *map(section, results["parts"]), judged])
    pattern = re.compile(r"(<!-- encoding results -->\n).*?(<!-- end -->)", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda found: f"{found[1]}{body}\n{found[2]}", PAGE.read_text()))


if __name__ == "__main__":
    main()
