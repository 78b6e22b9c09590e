"""The tables of the README and of docs/quality.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quality import MINUTES, TARGETS
from report.markdown import DOCS, ROOT, put_tables
from report.results_file import read_results, results_path

COLUMNS = {
    "R@10": "recall@10",
    "N@10": "ndcg@10",
    "popular R": "head_recall@10",
    "tail R": "tail_recall@10",
    "cold R": "cold_recall@10",
    "tail-pool R": "tail_pool_recall@10",
    "tail share": "tail_share@10",
}
SHORT_COLUMNS = ("R@10", "N@10", "tail R", "tail-pool R", "tail share")
OURS, TEXT_EASE, CONTENT = "longtail", "EASE + text", "content kNN"


def rewrite() -> None:
    """Put each table between its markers."""
    results = read_results(results_path("quality"))["results"]
    ablation = read_results(results_path("ablation"))
    put_tables(ROOT / "README.md", {"quality": short_table(results)})
    tables = {
        "quality": quality_table(results),
        "cost": cost_table(results),
        "targets": targets_table(results),
        "ablation": ablation_table(ablation),
    }
    put_tables(DOCS / "quality.md", tables)


def short_table(results: dict[str, Any]) -> str:
    """Return four rows a data set: ours, EASE + text, the best other baseline, content kNN."""
    lines = [
        "| data | recommender | " + " | ".join(SHORT_COLUMNS) + " |",
        "|---|---|" + "---|" * len(SHORT_COLUMNS),
    ]
    for data, result in results.items():
        metrics = result["runs"][0]["metrics"]
        others = [n for n in baselines(metrics) if n not in (TEXT_EASE, CONTENT)]
        for name in (OURS, TEXT_EASE, others[0], CONTENT):
            label = f"**{name}**" if name == OURS else name
            keys = [COLUMNS[column] for column in SHORT_COLUMNS]
            lines.append(row(data, label, [figure(metrics[name].get(key)) for key in keys]))
    return "\n".join(lines)


def quality_table(results: dict[str, Any]) -> str:
    """Return the table of every measured folder, one row a recommender, best recall first."""
    lines = [
        "| data | recommender | " + " | ".join(COLUMNS) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for data, result in results.items():
        run = result["runs"][0]
        default = run["serving"]["debias"]
        ours = [OURS, f"{OURS} (debias {default:g})" if default else OURS]
        for name in dict.fromkeys([*ours, *baselines(run["metrics"])]):
            label = f"**{name}**" if name in ours else name
            cells = [figure(run["metrics"][name].get(key)) for key in COLUMNS.values()]
            lines.append(row(data, label, cells))
    return "\n".join(lines)


def baselines(metrics: dict[str, Any]) -> list[str]:
    """Return the baselines at debias 0, best recall first."""
    names = [name for name in metrics if "(debias" not in name and name != OURS]
    return sorted(names, key=lambda name: -(metrics[name]["recall@10"] or 0.0))


def cost_table(results: dict[str, Any]) -> str:
    """Return time and memory, and the scorer of the relevance head."""
    lines = [
        "| data | train | default report | with all baselines | peak memory | seeds | "
        "relevance head |",
        "|---|---|---|---|---|---|---|",
    ]
    for data, result in results.items():
        run = result["runs"][0]
        head = run["relevance"]
        cells = [
            seconds(run["train_seconds"]),
            seconds(run.get("report_seconds", 0.0)),
            seconds(run["evaluate_seconds"]),
            f"{run['peak_gb']:.1f} GB",
            str(len(result["runs"])),
            f"{head['scorer']}, calibration error {head['expected_calibration_error']:.5f}",
        ]
        lines.append(f"| {data} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ablation_table(ablation: dict[str, Any]) -> str:
    """Return the gain of each part, for every measured folder."""
    columns = ["recall", "ndcg", "head_recall", "tail_recall", "cold_recall", "tail_pool_recall"]
    lines = [
        "| data | engine | R@10 | N@10 | popular R | tail R | cold R | tail-pool R | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for data, rows in ablation.items():
        for part in rows:
            cells = [figure(part[column]) for column in columns]
            lines.append(row(data, part["row"], [*cells, f"{part['seconds']:.0f}"]))
    return "\n".join(lines)


def targets_table(results: dict[str, Any]) -> str:
    """Return the targets and the means of the seeds beside them."""
    lines = ["| data | figure | measured | target | |", "|---|---|---|---|---|"]
    for data, result in results.items():
        lines += [f"| {data} | {cells} |" for cells in targets_of(data, result)]
    return "\n".join(lines)


def targets_of(data: str, result: dict[str, Any]) -> Iterator[str]:
    """Yield the cells of each target of a data set."""
    for metric, floor in TARGETS.get(data, {}).items():
        value = result["mean"][f"{metric}@10"]
        verdict = "reached" if value >= floor else "**short**"
        yield f"{metric}@10 | {figure(value)} | {figure(floor)} | {verdict}"
    first = result["runs"][0]
    if data in MINUTES and first.get("report_seconds"):
        minutes = (first["train_seconds"] + first["report_seconds"]) / 60
        verdict = "reached" if minutes <= MINUTES[data] else "**short**"
        yield f"minutes from raw files to report | {minutes:.1f} | {MINUTES[data]} | {verdict}"


def row(data: str, label: str, cells: list[str]) -> str:
    """Return one line of a table."""
    return f"| {data} | {label} | " + " | ".join(cells) + " |"


def seconds(value: float) -> str:
    """Return the seconds, a dash for a run that was there already."""
    return f"{value:.0f} s" if value else "-"


def figure(value: float | None) -> str:
    """Return a share with four digits and no leading zero, a dash where there is none."""
    return "-" if value is None else f"{value:.4f}".replace("0.", ".", 1)
