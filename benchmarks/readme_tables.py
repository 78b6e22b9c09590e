"""Rewrite the README's tables from benchmarks/results: numbers there are never typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
COLUMNS = {
    "R@10": "recall@10",
    "N@10": "ndcg@10",
    "head R": "head_recall@10",
    "tail R": "tail_recall@10",
    "cold R": "cold_recall@10",
    "tail-pool R": "tail_pool_recall@10",
    "tail share": "tail_share@10",
}


def quality_table() -> str:
    """Return the table of every measured folder, one row a recommender."""
    results = json.loads((HERE / "results" / "quality.json").read_text())["results"]
    lines = [
        "| data | recommender | " + " | ".join(COLUMNS) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for data, result in results.items():
        default = result["serving"]["debias"]
        ours = {f"longtail (debias {default:g})" if default else "longtail": " (default)"}
        shown = ["longtail", *ours, "longtail (debias 1)", "content kNN", "popularity", "random"]
        for name in dict.fromkeys(shown):
            found = next((k for k in result["metrics"] if k.lower() == name.lower()), None)
            if found is None:
                continue
            metrics = result["metrics"][found]
            cells = [_figure(metrics.get(key)) for key in COLUMNS.values()]
            label = f"**{found}**{ours[name]}" if name in ours else found
            lines.append(f"| {data} | {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cost_table() -> str:
    """Return time, memory and what each stage did on validation."""
    results = json.loads((HERE / "results" / "quality.json").read_text())["results"]
    lines = [
        "| data | train | evaluate | peak memory | stage: validation NDCG@10 overall / tail |",
        "|---|---|---|---|---|",
    ]
    for data, result in results.items():
        stages = "; ".join(
            f"{s['stage']}: {s['before']['ndcg']:.4f} / {s['before']['tail_ndcg']:.4f} → "
            + (
                f"{s['after']['ndcg']:.4f} / {s['after']['tail_ndcg']:.4f}"
                if s["kept"]
                else "no gain, undone"
            )
            + f" ({s['seconds']:.0f} s)"
            for s in result["stages"]
            if "before" in s
        )
        lines.append(
            f"| {data} | {result['train_seconds']:.0f} s | {result['evaluate_seconds']:.0f} s | "
            f"{result['peak_gb']:.1f} GB | {stages} |"
        )
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}".replace("0.", ".", 1)


def main() -> None:
    """Put each table between its markers."""
    text = README.read_text()
    for name, table in {"quality": quality_table(), "cost": cost_table()}.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = pattern.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
    README.write_text(text)


if __name__ == "__main__":
    main()
