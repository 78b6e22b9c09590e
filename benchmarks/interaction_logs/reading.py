"""Read, validate and split a log of ten million interactions, from CSV and from Parquet.

    python benchmarks/data.py reading [--interactions 10000000] [--out benchmarks/results/data.json]

The log is made with numpy; one row in a thousand is bad. Each format runs in a process of its
own, so that the peak memory is that of the job alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from report.results_file import results_path, write_results
from report.targets import print_targets, target

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS, MOST_GB = 60.0, 4.0


def make_log(folder: Path, n_events: int, seed: int) -> None:
    """Write catalog.csv, interactions.csv and interactions.parquet with Zipf items and users."""
    rng = np.random.default_rng(seed)
    n_users, n_items = n_events // 10, 100_000
    items = np.minimum(rng.zipf(1.2, n_events) - 1, 10 * n_items) % n_items
    users = rng.permutation(n_users)[(n_users * rng.random(n_events) ** 1.5).astype(np.int64)]
    times = np.sort(rng.integers(1_500_000_000, 1_700_000_000, n_events))
    item_ids = pa.array([f"B{i:09d}" for i in range(n_items)])
    user_ids = pa.array([f"A{i:012X}" for i in range(n_users)])
    # One row in a thousand names an item that the catalog doesn't hold, or no time at all.
    strange = rng.random(n_events) < 0.0005
    timeless = rng.random(n_events) < 0.0005
    item_column = pa.array(np.where(strange, n_items - 1, items)).cast(pa.int32())
    table = pa.table(
        {
            "user_id": user_ids.take(pa.array(users)),
            "item_id": item_ids.take(item_column),
            "timestamp": pa.array(np.where(timeless, 0, times)),
            "rating": pa.array(rng.integers(1, 6, n_events).astype(np.float32)),
        }
    )
    pyarrow.csv.write_csv(table, folder / "interactions.csv")
    pyarrow.parquet.write_table(table, folder / "interactions.parquet")
    titles = pa.array([f"item number {i} of the made-up catalog" for i in range(n_items)])
    catalog = pa.table({"item_id": item_ids, "title": titles})
    pyarrow.csv.write_csv(catalog.slice(0, n_items - 1), folder / "catalog.csv")


def job(catalog_path: Path, log_path: Path) -> dict[str, float]:
    """Return seconds and peak memory of reading, validating and splitting, in this process."""
    from longtail.retrieval.data.files.catalog_file import read_catalog
    from longtail.retrieval.data.files.interaction_file import read_interactions
    from longtail.retrieval.data.files.rejected import RejectedRows
    from longtail.retrieval.data.splits import split

    began = time.perf_counter()
    rejected = RejectedRows()
    catalog = read_catalog(catalog_path, rejected=rejected)
    log = read_interactions(log_path, catalog, rejected=rejected)
    rejected.write(log_path.parent / "rejected.csv")
    read = time.perf_counter()
    parts = split(log, "temporal")
    sizes = len(parts.train), len(parts.valid), len(parts.test)
    done = time.perf_counter()
    return {
        "read_s": read - began,
        "split_s": done - read,
        "total_s": done - began,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "rows_kept": len(log),
        "rows_set_aside": len(rejected),
        "train_events": sizes[0],
    }


def main(words: list[str]) -> None:
    """Make the log, run the job on each format, print and write the figures."""
    arguments = argparse.ArgumentParser("data.py reading", description=__doc__.splitlines()[0])
    arguments.add_argument("--interactions", type=int, default=10_000_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--out", type=Path, default=results_path("data"))
    arguments.add_argument("--job", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args(words)
    if given.job:
        sys.stdout.write(json.dumps(job(*given.job)))
        return
    results, targets = {}, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_log(folder, given.interactions, given.seed)
        for kind in ("csv", "parquet"):
            command = [sys.executable, str(ROOT / "benchmarks" / "data.py"), "reading", "--job"]
            files = [str(folder / "catalog.csv"), str(folder / f"interactions.{kind}")]
            done = subprocess.run(
                [*command, *files],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            found = results[kind] = json.loads(done.stdout)
            found["file_mb"] = (folder / f"interactions.{kind}").stat().st_size / 1e6
            targets += [
                target(f"{kind}_seconds", found["total_s"], MOST_SECONDS, most=True),
                target(f"{kind}_peak_gb", found["peak_gb"], MOST_GB, most=True),
            ]
    report = {
        "subject": "data",
        "settings": {
            "interactions": given.interactions,
            "users": given.interactions // 10,
            "items": 100_000,
            "seed": given.seed,
            "cores": os.cpu_count(),
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "pyarrow": pa.__version__,
        },
        "results": results,
        "targets": targets,
    }
    write_results(given.out, report)
    say = sys.stdout.write
    say(f"{'format':8s} {'MB':>6s} {'read s':>7s} {'split s':>8s} {'peak GB':>8s} {'kept':>11s}\n")
    for kind, found in results.items():
        say(
            f"{kind:8s} {found['file_mb']:6.0f} {found['read_s']:7.1f} {found['split_s']:8.1f} "
            f"{found['peak_gb']:8.2f} {found['rows_kept']:11,}\n"
        )
    print_targets(targets)
