"""How often the test for catalogs filtered by their future is right, on made-up dated logs.

    python benchmarks/future_filter.py [--seeds 2] [--out benchmarks/results/future_filter.json]

Each log is a year; the test sees the first 90 % of its events, as a training does. A filter counts
only where it drops at least a tenth of the items that have events: elsewhere it filters nothing.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from report.results_file import results_path, write_results
from synthetic.filtered_log import (
    MOTIONS,
    SHAPES,
    DatedEvents,
    chosen_by_the_past,
    core,
    make_events,
)

from longtail.retrieval.data.clock.future_filter import future_filter

ITEMS, EVENTS = (500, 2_000, 8_000, 20_000), (5_000, 20_000, 100_000, 500_000)
SEEN, PAST, DROPPED = 0.9, 0.7, 0.1
HONEST = ("whole catalog", "every item of the log", "5 in the past", "10 in the past")
FILTERS = ("5 in the whole log", "10 in the whole log", "20 in the whole log", "5-core", "10-core")
SIZES = (200, 500, 1_000, 2_000, 5_000, 20_001)


def catalogs(events: DatedEvents) -> dict[str, DatedEvents]:
    """Return the events of each catalog that an owner could have chosen."""
    counts = events.counts()
    honest = (
        events,
        events.of_items(counts > 0),
        chosen_by_the_past(events, 5, PAST),
        chosen_by_the_past(events, 10, PAST),
    )
    filtered = (
        *(events.of_items(counts >= k) for k in (5, 10, 20)),
        core(events, 5),
        core(events, 10),
    )
    return dict(zip((*HONEST, *FILTERS), (*honest, *filtered), strict=True))


def main() -> None:
    """Count verdicts, print them, and write the results file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=results_path("future_filter"))
    given = parser.parse_args()
    verdicts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    cells = itertools.product(ITEMS, EVENTS, SHAPES, MOTIONS, range(given.seeds))
    for n_items, n_events, shape, motion, seed in cells:
        events = make_events(n_items, n_events, shape, motion, seed)
        with_events = int((events.counts() > 0).sum())
        for name, chosen in catalogs(events).items():
            if name in FILTERS and chosen.n_items > (1 - DROPPED) * with_events:
                continue
            if chosen.n_items < SIZES[0]:
                continue
            verdict = future_filter(chosen.first(SEEN).log(), chosen.n_items).suspected
            at = int(np.searchsorted(SIZES, chosen.n_items, side="right"))
            size = f"{SIZES[at - 1]:,} to {SIZES[at] - 1:,} items"
            for group in ("all", size, f"popularity {shape}", f"items {motion}"):
                verdicts[name, group].append(verdict)
    rows = [
        {"catalog": name, "logs": group, "n": len(found), "suspected": sum(found)}
        for (name, group), found in sorted(verdicts.items())
    ]
    for row in rows:
        sys.stdout.write("{catalog:24s} {logs:24s} {suspected:4d} of {n:4d}\n".format(**row))
    write_results(given.out, {"command": "python benchmarks/future_filter.py", "rows": rows})


if __name__ == "__main__":
    main()
