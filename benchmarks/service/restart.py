"""A service's start and memory beside how many events it has taken.

Run:  python benchmarks/service/restart.py RUN [--events 3000000] [--users 300000]

RUN is a run folder; it is copied, and left as it is. It is started without events, then with
events in one file as older versions wrote it, then once more. Writes
benchmarks/results/restart.json.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from process import served

sys.path.insert(0, str(Path(__file__).parents[1]))

from report.results_file import results_path, write_results
from report.targets import print_targets, target

from longtail.retrieval.ranking.retriever import Retriever

RESULTS = results_path("restart")
PACKAGES = ("numpy", "numba", "pyarrow")
MOST_S, MOST_MB = 10.0, 300.0
SETTLE_S = 2.0
NEWEST = 1_750_000_000


def write_events(path: Path, run: Path, events: int, users: int) -> None:
    """Write events of users, a third of whom the log knows, as older versions wrote them."""
    bundle, random = Retriever.open(run).bundle, np.random.default_rng(0)
    ids = [str(one) for one in bundle.log.user_ids[: users // 3]]
    ids += [f"user-{number:07d}" for number in range(users - len(ids))]
    items = [str(one) for one in bundle.catalog.item_ids]
    path.parent.mkdir()
    with path.open("wb") as file:
        drawn = random.integers([len(ids), len(items)], size=(events, 2)).tolist()
        for number, (user, item) in enumerate(drawn):
            time_s = NEWEST + number // 10
            rest = f'"user_id":"{ids[user]}","item_id":"{items[item]}","timestamp":{time_s}}}\n'
            line = rest.encode()
            file.write(b'{"crc32":"%08x",' % zlib.crc32(line) + line)


def started(run: Path) -> dict[str, float]:
    """Return how long a start takes until it answers, and the memory that it has then."""
    with served(run, 1) as service:
        begun = service.processor_seconds()
        time.sleep(SETTLE_S)
        status = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
        memory = {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in status if "kB" in line}
        return {
            "start_s": service.cold_start_s,
            "processor_s": begun,
            "resident_mb": memory["VmRSS"],
            "own_mb": memory["RssAnon"],
            "peak_mb": memory["VmHWM"],
        }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--users", type=int, default=300_000)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(shutil.copytree(given.run, Path(folder) / "run"))
        shutil.rmtree(run / "events", ignore_errors=True)
        started(run)  # the loops are compiled, and the files in memory
        parts: dict[str, Any] = {"without": started(run)}
        shutil.rmtree(run / "events", ignore_errors=True)
        write_events(run / "events" / "events.jsonl", run, given.events, given.users)
        parts["bytes"] = (run / "events" / "events.jsonl").stat().st_size
        parts["first"] = started(run)
        parts["second"] = started(run)
    without = parts["without"]
    for start in ("first", "second"):
        parts[f"{start}_more"] = {
            name: value - without[name] for name, value in parts[start].items()
        }
    named = f"{given.events:,} events"
    lines = [
        target(f"{named}, first start: s more", parts["first_more"]["start_s"], MOST_S, most=True),
        target(
            f"{named}, second start: s more", parts["second_more"]["start_s"], MOST_S, most=True
        ),
        target(f"{named}: MB more", parts["first_more"]["resident_mb"], MOST_MB, most=True),
    ]
    content = {
        "subject": "restart",
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {"run": given.run.name, "events": given.events, "users": given.users},
        "versions": {package: version(package) for package in PACKAGES},
        "targets": lines,
        "parts": parts,
    }
    write_results(given.results, content)
    print_targets(lines)


if __name__ == "__main__":
    main()
