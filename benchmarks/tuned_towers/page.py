"""The tables of docs/fine-tuning.md: what the tuned tower finds, by how often items were taken."""

from __future__ import annotations

from typing import Any

import numpy as np
from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path

WHOLE = ("R", "N", "tail R", "cold R", "tail-pool R")
OWN = ", own pool"


def rewrite() -> None:
    """Put the tables between their markers."""
    results = read_results(results_path("towers"))
    tables = {"whole": whole_table(results), "events": events_table(results)}
    put_tables(DOCS / "fine-tuning.md", tables)


def whole_table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return a line a data set and ranking: overall, tail, cold, and seconds of training."""
    rows = []
    for data, seeds in results.items():
        for name in seeds[0]["figures"]:
            row = {"data": data, "seeds": len(seeds), "ranking": name}
            row |= {key: _cell(seeds, name, key) for key in WHOLE}
            seconds = [s["seconds"].get(name.removeprefix("engine "), 0.0) for s in seeds]
            rows.append(row | {"seconds": f"{np.mean(seconds):.0f}" if any(seconds) else "-"})
    return rows_table(rows)


def events_table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return a line a data set and ranking: by training events, whole catalog / own pool."""
    rows = []
    for data, seeds in results.items():
        for name, figures in seeds[0]["figures"].items():
            row = {"data": data, "ranking": name}
            for key in figures:
                if key.endswith(" events"):
                    pair = (_cell(seeds, name, key), _cell(seeds, name, key + OWN))
                    row[key] = " / ".join(pair)
            rows.append(row)
    return rows_table(rows)


def _cell(seeds: list[dict[str, Any]], name: str, key: str) -> str:
    """Return the mean over the seeds, and the mean difference with its standard error."""
    values = [seed["figures"][name].get(key) for seed in seeds]
    if any(value is None for value in values):
        return "-"
    text = f"{np.mean(values):.4f}".lstrip("0")
    found = [seed["differences"].get(name, {}).get(key) for seed in seeds]
    if not all(found):
        return text
    mean = np.mean([one["difference"] for one in found])
    # Seeds ask the same users, so their differences aren't independent.
    error = np.mean([one["error"] for one in found])
    return f"{text} ({mean:+.4f} ± {error:.4f})"
