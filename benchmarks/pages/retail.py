"""The table of a grocer's year in docs/benchmarks.md."""

from __future__ import annotations

import re
from typing import Any

from pages.quality import OURS, baselines, figure, row
from report.markdown import DOCS, put_tables
from report.results_file import read_results, results_path

COLUMNS = {
    "R@10": "recall@10",
    "N@10": "ndcg@10",
    "tail R": "tail_recall@10",
    "tail-pool R": "tail_pool_recall@10",
}
# At debias 0, k = 10, of the products that the past alone chose.
TARGETS = {"recall": 0.029, "ndcg": 0.068, "tail_recall": 0.010, "tail_pool_recall": 0.024}


def rewrite() -> None:
    """Put the table between its markers."""
    results = read_results(results_path("retail"))["results"]
    put_tables(DOCS / "benchmarks.md", {"retail": retail_table(results)})


def retail_table(results: dict[str, Any]) -> str:
    """Return a row a recommender: ours at each debias, baselines at 0 and where the dial helps."""
    lines = [
        "| products | users | recommender | " + " | ".join(COLUMNS) + " |",
        "|---|---|---|" + "---|" * len(COLUMNS),
    ]
    for key, result in results.items():
        run = result["runs"][0]
        metrics, users = run["metrics"], f"{run['users']:,}"
        ours = [name for name in metrics if name.split(" (debias")[0] == OURS]
        for name in [*ours, *shown_baselines(metrics)]:
            label = f"**{name}**" if name in ours else name
            cells = [users, label, *(figure(metrics[name].get(k)) for k in COLUMNS.values())]
            lines.append(row(key, cells[0], cells[1:]))
    return "\n".join(lines)


def shown_baselines(metrics: dict[str, Any]) -> list[str]:
    """Return the baselines at debias 0, best recall first, each before its better debias."""
    names = []
    for name in baselines(metrics):
        names.append(name)
        dials = [
            other for other in metrics if re.fullmatch(rf"{re.escape(name)} \(debias .*\)", other)
        ]
        best = max(dials, key=lambda dial: metrics[dial]["recall@10"] or 0.0, default=name)
        if (metrics[best]["recall@10"] or 0.0) > (metrics[name]["recall@10"] or 0.0):
            names.append(best)
    return names


def best_baseline(metrics: dict[str, Any], metric: str) -> tuple[str, float]:
    """Return the baseline, at whatever debias, with the highest figure; no name without any.

    >>> figures = {"longtail": {"r": 0.3}, "EASE": {"r": 0.1}, "EASE (debias 1)": {"r": 0.2}}
    >>> best_baseline(figures, "r")
    ('EASE (debias 1)', 0.2)
    """
    values = {
        name: float(figures[metric] or 0.0)
        for name, figures in metrics.items()
        if name.split(" (debias")[0] != OURS
    }
    name = max(values, key=values.__getitem__, default="")
    return name, values.get(name, 0.0)
