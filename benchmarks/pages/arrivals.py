"""The tables and targets of docs/arrivals.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
# Of a full training's figures and of its seconds; what old users may lose.
KEPT, TIME_SHARE, FORGOTTEN = 0.98, 0.2, 0.01
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
    tables = {f"arrivals {name}": table(results) for name, table in TABLES.items()}
    tables["arrivals targets"] = targets_table(content["targets"])
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


def periods_table(results: Record) -> str:
    """Return a line a data set, code, period and way to keep up with it."""
    lines = [
        "| data | engine | period | updated by | " + " | ".join(PERIOD_COLUMNS) + " | seconds |",
        "|---|---|---|---|" + "---|" * len(PERIOD_COLUMNS) + "---|",
    ]
    for data, engine, periods in _measured(results, "period", among="periods"):
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


def targets(results: Record, engine: str = NOW) -> list[Record]:
    """Return the targets of each data set, judged on the mean of the draws, or of the periods."""
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
            for other, words in (("never", "no late items"), ("before", "the engine before")):
                upper = mean(draws, "rest", f"late against {other}", metric, "high")
                if upper is not None:
                    label = f"{data} everybody else's {metric} beside {words}: upper end"
                    lines.append(target(label, upper, 0.0, most=False))
    for data, name, draws in _measured(results, "copies"):
        for pool in ("cold", "tail") if name == engine else ():
            original, copy = (
                mean(draws, "copies", DEFAULT, pool, which) for which in ("originals", "copies")
            )
            if (value := _ratio(copy, original)) is not None:
                words = f"{data} copies' lists of originals', {pool}"
                lines.append(target(f"{words}, at least", value, FEWEST_COPIES, most=False))
                lines.append(target(f"{words}, at most", value, MOST_COPIES, most=True))
    for data, name, periods in _measured(results, "learn", among="periods"):
        lines += period_targets(data, periods) if name == engine else []
    return lines


def period_targets(data: str, periods: list[Record]) -> Iterator[Record]:
    """Yield the targets of `learn` on a data set's next periods."""

    def share(name: str, figures: tuple[str, str], others: tuple[str, str]) -> Iterator[Record]:
        value = _ratio(mean(periods, *figures), mean(periods, *others))
        if value is not None:
            yield target(f"{data} learn: {name}", value, KEPT, most=False)

    for column in ("R@10", "tail R", "cold R"):
        yield from share(f"{column} of a full training's", ("learn", column), ("full", column))
    seconds = _ratio(mean(periods, "seconds", "learn"), mean(periods, "seconds", "full"))
    if seconds is not None:
        yield target(f"{data} learn: time of a full training's", seconds, TIME_SHARE, most=True)
    old, before = (mean(periods, kind, "old users' R") for kind in ("learn", "never"))
    if (kept := _ratio(old, before)) is not None:
        yield target(f"{data} learn: forgotten of old users' R", 1 - kept, FORGOTTEN, most=True)
    late, texts = (mean(periods, kind, "late R, never taken") for kind in ("learn", TEXTS))
    if (value := _ratio(late, texts)) is not None:
        yield target(f"{data} learn: late R of texts alone", value, 1.0, most=False)
    risen = _ratio(mean(periods, "learn", "late R, taken 1 to 4 times"), late)
    if risen is not None:
        yield target(f"{data} learn: late R with its first events", risen, 1.0, most=False)


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


def _measured(
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


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
