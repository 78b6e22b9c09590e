"""Rewrite the README's tables from benchmarks/results: numbers there are never typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from quality import ASKED

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
    """Return the table of every measured folder, one row a recommender, best recall first."""
    lines = [
        "| data | recommender | " + " | ".join(COLUMNS) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for data, result in _results("quality").items():
        run = result["runs"][0]
        default = run["serving"]["debias"]
        ours = ["longtail", f"longtail (debias {default:g})" if default else "longtail"]
        rivals = [n for n in run["metrics"] if "(debias" not in n and n != "longtail"]
        rivals.sort(key=lambda n: -(run["metrics"][n]["recall@10"] or 0.0))
        for name in dict.fromkeys([*ours, *rivals]):
            metrics = run["metrics"][name]
            cells = [_figure(metrics.get(key)) for key in COLUMNS.values()]
            label = f"**{name}**" if name in ours else name
            lines.append(f"| {data} | {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cost_table() -> str:
    """Return time and memory, and which scorer the head has."""
    lines = [
        "| data | train | default report | with all baselines | peak memory | seeds | head |",
        "|---|---|---|---|---|---|---|",
    ]
    for data, result in _results("quality").items():
        run = result["runs"][0]
        head = run["relevance"]
        lines.append(
            f"| {data} | {_seconds(run['train_seconds'])} | "
            f"{_seconds(run.get('report_seconds', 0.0))} | {run['evaluate_seconds']:.0f} s | "
            f"{run['peak_gb']:.1f} GB | {len(result['runs'])} | {head['scorer']}, calibration "
            f"error {head['expected_calibration_error']:.5f} |"
        )
    return "\n".join(lines)


def ablation_table() -> str:
    """Return what each part adds, for every measured folder."""
    columns = ["recall", "ndcg", "head_recall", "tail_recall", "cold_recall", "tail_pool_recall"]
    lines = [
        "| data | engine | R@10 | N@10 | head R | tail R | cold R | tail-pool R | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for data, rows in _results("ablation").items():
        for row in rows:
            cells = [_figure(row[c]) for c in columns]
            lines.append(
                f"| {data} | {row['row']} | " + " | ".join(cells) + f" | {row['seconds']:.0f} |"
            )
    return "\n".join(lines)


def targets_table() -> str:
    """Return what was asked and what was reached, mean of the seeds."""
    lines = ["| data | metric at 10 | asked | reached | |", "|---|---|---|---|---|"]
    for data, result in _results("quality").items():
        for metric, asked in ASKED.get(data, {}).items():
            value = result["mean"][f"{metric}@10"]
            verdict = "" if value >= asked else "short"
            lines.append(f"| {data} | {metric} | {_figure(asked)} | {_figure(value)} | {verdict} |")
    return "\n".join(lines)


def _seconds(value: float) -> str:
    """Return the seconds, a dash for a run that was there already."""
    return f"{value:.0f} s" if value else "-"


def _results(subject: str) -> dict[str, Any]:
    path = HERE / "results" / f"{subject}.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text())
    return dict(found.get("results", found))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}".replace("0.", ".", 1)


def main() -> None:
    """Put each table between its markers."""
    quality = HERE.parent / "docs" / "quality.md"
    measured = {"ablation": ablation_table()} if _results("ablation") else {}
    _rewrite(README, {"quality": quality_table(), "cost": cost_table(), **measured})
    _rewrite(quality, {"targets": targets_table(), **measured})


def _rewrite(page: Path, tables: dict[str, str]) -> None:
    text = page.read_text()
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = pattern.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
    page.write_text(text)


if __name__ == "__main__":
    main()
