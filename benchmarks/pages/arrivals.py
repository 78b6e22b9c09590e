"""The tables and targets of docs/arrivals.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pages.quality import figure, row
from report.markdown import DOCS, put_tables
from report.results_file import read_results, results_path
from report.targets import target, targets_table

PLAIN, DEFAULT, TEXTS = "debias 0", "default debias", "texts alone"
RECALL, POOL_RECALL = "recall@10", "tail_pool_recall@10"
KINDS = {"late": "added after training", "cold": "known, taken by nobody"}
RESTS = {
    "never": "without the late items",
    "late": "late items added",
    "cold": "late items known, taken by nobody",
}
REST_COLUMNS = {
    "R@10": "recall@10",
    "N@10": "ndcg@10",
    "tail R": "tail_recall@10",
    "cold R": "cold_recall@10",
    "tail-pool R": "tail_pool_recall@10",
}
# Of what texts alone find, in the whole catalog and in the tail pool.
SHARES = {RECALL: 0.75, POOL_RECALL: 1.0}
MOST_ERROR = 0.01
FEWEST_COPIES, MOST_COPIES = 0.6, 1.4
NOW = "now"

Record = dict[str, Any]


def rewrite() -> None:
    """Put the tables between their markers."""
    content = read_results(results_path("arrivals"))
    results = content["results"]
    tables = {
        "arrivals late": late_table(results),
        "arrivals rest": rest_table(results),
        "arrivals copies": copies_table(results),
        "arrivals targets": targets_table(content["targets"]),
    }
    put_tables(DOCS / "arrivals.md", tables)


def late_table(results: Record) -> str:
    """Return a line a data set, engine and kind of item that nobody has taken."""
    lines = [
        "| data | engine | items | users | R@10 | at default debias | texts alone | tail-pool R | "
        "at default debias | texts alone | relevance: said / taken | calibration error |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for data, engine, draws in _measured(results, "late"):
        for kind, words in KINDS.items():
            cells = [words, f"{mean(draws, kind, 'users') or 0:.0f}"]
            for metric in (RECALL, POOL_RECALL):
                labels = (PLAIN, DEFAULT, TEXTS)
                cells += [figure(mean(draws, kind, label, metric)) for label in labels]
            said, taken, error = (
                figure(mean(draws, kind, "calibration", name))
                for name in ("said", "taken", "error")
            )
            cells += [f"{said} / {taken}", error]
            lines.append(row(data, engine, cells))
    return "\n".join(lines)


def rest_table(results: Record) -> str:
    """Return a line a data set, engine and catalog: everybody, and what they took of the rest."""
    lines = [
        "| data | engine | catalog | " + " | ".join(REST_COLUMNS) + " |",
        "|---|---|---|" + "---|" * len(REST_COLUMNS),
    ]
    for data, engine, draws in _measured(results, "rest"):
        for name, words in RESTS.items():
            keys = REST_COLUMNS.values()
            cells = [figure(mean(draws, "rest", name, PLAIN, key)) for key in keys]
            lines.append(row(data, engine, [words, *cells]))
    return "\n".join(lines)


def copies_table(results: Record) -> str:
    """Return a line a data set, engine and pool: tail lists of 1,000 that an item comes up in."""
    lines = [
        "| data | engine | copies of | original | copy | ratio | original at default debias | copy "
        "| ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for data, engine, draws in _measured(results, "copies"):
        for pool in ("cold", "tail"):
            cells = [f"{pool} items"]
            for label in (PLAIN, DEFAULT):
                original, copy = (
                    mean(draws, "copies", label, pool, which) for which in ("originals", "copies")
                )
                cells += [_count(original), _count(copy), _count(_ratio(copy, original))]
            lines.append(row(data, engine, cells))
    return "\n".join(lines)


def targets(results: Record, engine: str = NOW) -> list[Record]:
    """Return the targets of each data set, judged on the mean of the draws."""
    lines = []
    for data, name, draws in _measured(results, "late"):
        if name != engine:
            continue
        for kind in KINDS:
            for metric, share in SHARES.items():
                ours, texts = (mean(draws, kind, label, metric) for label in (PLAIN, TEXTS))
                if (value := _ratio(ours, texts)) is not None:
                    words = f"{data} {kind} {metric} of texts alone"
                    lines.append(target(words, value, share, most=False))
            error = mean(draws, kind, "calibration", "error")
            if error is not None:
                words = f"{data} {kind} calibration error"
                lines.append(target(words, error, MOST_ERROR, most=True))
        for metric in (RECALL, "tail_recall@10", POOL_RECALL):
            # Above the interval's upper end there is no loss that the draws could show.
            upper = mean(draws, "rest", "late against never", metric, "high")
            if upper is not None:
                words = f"{data} everybody else's {metric}: upper end of the difference"
                lines.append(target(words, upper, 0.0, most=False))
    for data, name, draws in _measured(results, "copies"):
        for pool in ("cold", "tail") if name == engine else ():
            original, copy = (
                mean(draws, "copies", DEFAULT, pool, which) for which in ("originals", "copies")
            )
            if (value := _ratio(copy, original)) is not None:
                words = f"{data} copies' lists of originals', {pool}"
                lines.append(target(f"{words}, at least", value, FEWEST_COPIES, most=False))
                lines.append(target(f"{words}, at most", value, MOST_COPIES, most=True))
    return lines


def mean(draws: list[Record], *path: str) -> float | None:
    """Return the mean over the draws that have a figure, None where none has.

    >>> mean([{"late": {"users": 10}}, {"late": {"users": 20}}, {}], "late", "users")
    15.0
    """
    values = []
    for draw in draws:
        value: Any = draw
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            values.append(float(value))
    return sum(values) / len(values) if values else None


def _measured(results: Record, subject: str) -> Iterator[tuple[str, str, list[Record]]]:
    """Yield data set, engine and draws wherever a subject was measured."""
    for data, engines in results.items():
        for engine, result in engines.items():
            draws = [draw for draw in result["draws"] if subject in draw]
            if draws:
                yield data, engine, draws


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
