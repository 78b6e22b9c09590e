"""The tables of docs/arrivals.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pages.quality import figure, row
from report.markdown import DOCS, ROOT, put_tables
from report.results_file import read_results, results_path
from report.targets import targets_table

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
UPDATES = {
    "never": "never updated",
    "learn": "`longtail learn`",
    "full": "trained anew",
    TEXTS: TEXTS,
}
PERIOD_COLUMNS = (
    *("R@10", "tail R", "cold R", "late R, never taken", "late R, taken 1 to 4 times"),
    *("late R, taken 5 times or more", "old users' R"),
)
NOW = "now"

Record = dict[str, Any]


def rewrite() -> None:
    """Put the tables between their markers."""
    content = read_results(results_path("arrivals"))
    results = content["results"]
    tables = {f"arrivals {name}": table(results) for name, table in TABLES.items()}
    tables["arrivals targets"] = targets_table(content["targets"])
    put_tables(DOCS / "arrivals.md", tables)
    put_tables(ROOT / "README.md", {"arrivals": short_table(results)})


def short_table(results: Record) -> str:
    """Return a line each of three data sets, of the latest engine that was measured on it."""
    lines = [
        "| data | added after training | known, taken by nobody | texts alone | tail pool: added | "
        "known | texts alone |",
        "|---|---|---|---|---|---|---|",
    ]
    latest: dict[str, list[Record]] = {}
    for data, engine, draws in measured(results, "late"):
        if engine == NOW or data not in latest:
            latest[data] = draws
    for data, draws in list(latest.items())[:3]:
        cells = [
            figure(mean(draws, kind, label, metric))
            for metric in (RECALL, POOL_RECALL)
            for kind, label in (("late", PLAIN), ("cold", PLAIN), ("late", TEXTS))
        ]
        lines.append(row(data, cells[0], cells[1:]))
    return "\n".join(lines)


def late_table(results: Record) -> str:
    """Return a line a data set, engine and kind of item that nobody has taken."""
    lines = [
        "| data | engine | items | users | R@10 | at default debias | texts alone | tail-pool R | "
        "at default debias | texts alone | relevance: said / taken | calibration error |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for data, engine, draws in measured(results, "late"):
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
    for data, engine, draws in measured(results, "rest"):
        for name, words in RESTS.items():
            keys = REST_COLUMNS.values()
            cells = [
                figure(mean(draws, "rest", name, PLAIN, key))
                + _interval(draws, f"{name} against before", key)
                for key in keys
            ]
            lines.append(row(data, engine, [words, *cells]))
    return "\n".join(lines)


def copies_table(results: Record) -> str:
    """Return a line a data set, engine and pool: tail lists of 1,000 that an item comes up in."""
    lines = [
        "| data | engine | copies of | original | copy | ratio | original at default debias | copy "
        "| ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for data, engine, draws in measured(results, "copies"):
        for pool in ("cold", "tail"):
            cells = [f"{pool} items"]
            for label in (PLAIN, DEFAULT):
                original, copy = (
                    mean(draws, "copies", label, pool, which) for which in ("originals", "copies")
                )
                cells += [_count(original), _count(copy), _count(ratio(copy, original))]
            lines.append(row(data, engine, cells))
    return "\n".join(lines)


def periods_table(results: Record) -> str:
    """Return a line a data set, code, period and way to keep up with it."""
    lines = [
        "| data | engine | period | updated by | " + " | ".join(PERIOD_COLUMNS) + " | seconds |",
        "|---|---|---|---|" + "---|" * len(PERIOD_COLUMNS) + "---|",
    ]
    for data, engine, periods in measured(results, "period", among="periods"):
        for period in periods:
            for kind, words in UPDATES.items():
                if kind in period:
                    cells = [figure(period[kind].get(column)) for column in PERIOD_COLUMNS]
                    seconds = period["seconds"].get(kind)
                    cells.append("-" if seconds is None else f"{seconds:.0f}")
                    lines.append(row(data, engine, [str(period["period"]), words, *cells]))
    return "\n".join(lines)


TABLES: dict[str, Callable[[Record], str]] = {
    "late": late_table,
    "rest": rest_table,
    "copies": copies_table,
    "periods": periods_table,
}


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


def measured(
    results: Record, subject: str, among: str = "draws"
) -> Iterator[tuple[str, str, list[Record]]]:
    """Yield data set, engine and draws (or periods) wherever a subject was measured."""
    for data, engines in results.items():
        for engine, result in engines.items():
            draws = [draw for draw in result.get(among, []) if subject in draw]
            if draws:
                yield data, engine, draws


def _interval(draws: list[Record], name: str, metric: str) -> str:
    """Return the ends of a difference in parentheses, nothing where it wasn't measured."""
    low, high = (mean(draws, "rest", name, metric, end) for end in ("low", "high"))
    return "" if low is None or high is None else f" ({low:+.4f} .. {high:+.4f})"


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return a share, None where there is nothing to share."""
    return part / whole if part is not None and whole else None


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
