"""Rewrite the fine-tuning table of docs/speed.md from benchmarks/results; none is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"


def table(results: dict[str, Any]) -> str:
    """Return one row a way of training."""
    lines = [
        "| row | batch | seconds of steps | before them | texts/s | with what is before | "
        "share of the matrix rate | held-out loss | accuracy |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        quality = f"{row['held_out_loss']:.3f} | {row['held_out_accuracy']:.3f}"
        if "step_seconds" not in row:
            lines.append(f"| {row['row']} | - | - | - | - | - | - | {quality} |")
            continue
        lines.append(
            f"| {row['row']} | {row['batch_size']} | {row['step_seconds']:.0f} | "
            f"{row['preparation_seconds']:.0f} | {row['texts_per_second']:.0f} | "
            f"{row['texts_per_second_with_preparation']:.0f} | "
            f"{row['share_of_matrix_rate']:.0%} | {quality} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Put the table and the targets between their markers."""
    results = json.loads((HERE / "results" / "finetuning.json").read_text())
    settings = results["settings"]
    rates = [row["matrix_gflops"] for row in results["rows"] if "matrix_gflops" in row]
    first = (
        f"{settings['data']}: {settings['pairs']:,} pairs, {settings['threads']} threads, "
        f"{min(rates):.0f} to {max(rates):.0f} GFLOP/s of float32 matrix products beside the rows."
    )
    targets = [
        f"- {line['name']}: {line['value']:.3g} (asked {line['target']:g}), "
        f"{'reached' if line['reached'] else '**short**'}"
        for line in results["targets"]
    ]
    body = "\n".join([first, "", table(results), "", *targets])
    pattern = re.compile(r"(<!-- finetuning -->\n).*?(<!-- end -->)", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda found: f"{found[1]}{body}\n{found[2]}", PAGE.read_text()))


if __name__ == "__main__":
    main()
