"""What is asked of engines when items and days arrive; docs/arrivals.md has the verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from pages.arrivals import (
    DEFAULT,
    KINDS,
    NOW,
    PLAIN,
    POOL_RECALL,
    RECALL,
    TEXTS,
    Record,
    mean,
    measured,
    ratio,
)
from report.targets import target

# Of a full training's figures and of its seconds; what old users may lose.
KEPT, TIME_SHARE, FORGOTTEN = 0.98, 0.2, 0.01
# Of what texts alone find, in the whole catalog and in the tail pool.
SHARES = {RECALL: 0.75, POOL_RECALL: 1.0}
MOST_ERROR = 0.01
FEWEST_COPIES, MOST_COPIES = 0.6, 1.4


def targets(results: Record, engine: str = NOW) -> list[Record]:
    """Return the targets of each data set, judged on the mean of the draws, or of the periods."""
    lines = []
    for data, name, draws in measured(results, "late"):
        if name != engine:
            continue
        for kind in KINDS:
            for metric, share in SHARES.items():
                ours, texts = (mean(draws, kind, label, metric) for label in (PLAIN, TEXTS))
                if (value := ratio(ours, texts)) is not None:
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
    for data, name, draws in measured(results, "copies"):
        for pool in ("cold", "tail") if name == engine else ():
            original, copy = (
                mean(draws, "copies", DEFAULT, pool, which) for which in ("originals", "copies")
            )
            if (value := ratio(copy, original)) is not None:
                words = f"{data} copies' lists of originals', {pool}"
                lines.append(target(f"{words}, at least", value, FEWEST_COPIES, most=False))
                lines.append(target(f"{words}, at most", value, MOST_COPIES, most=True))
    for data, name, periods in measured(results, "learn", among="periods"):
        lines += period_targets(data, periods) if name == engine else []
    return lines


def period_targets(data: str, periods: list[Record]) -> Iterator[Record]:
    """Yield the targets of `learn` on a data set's next periods."""

    def share(name: str, figures: tuple[str, str], others: tuple[str, str]) -> Iterator[Record]:
        value = ratio(mean(periods, *figures), mean(periods, *others))
        if value is not None:
            yield target(f"{data} learn: {name}", value, KEPT, most=False)

    for column in ("R@10", "tail R", "cold R"):
        yield from share(f"{column} of a full training's", ("learn", column), ("full", column))
    seconds = ratio(mean(periods, "seconds", "learn"), mean(periods, "seconds", "full"))
    if seconds is not None:
        yield target(f"{data} learn: time of a full training's", seconds, TIME_SHARE, most=True)
    old, before = (mean(periods, kind, "old users' R") for kind in ("learn", "never"))
    if (kept := ratio(old, before)) is not None:
        yield target(f"{data} learn: forgotten of old users' R", 1 - kept, FORGOTTEN, most=True)
    late, texts = (mean(periods, kind, "late R, never taken") for kind in ("learn", TEXTS))
    if (value := ratio(late, texts)) is not None:
        yield target(f"{data} learn: late R of texts alone", value, 1.0, most=False)
    risen = ratio(mean(periods, "learn", "late R, taken 1 to 4 times"), late)
    if risen is not None:
        yield target(f"{data} learn: late R with its first events", risen, 1.0, most=False)
