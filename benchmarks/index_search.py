"""The index: exact search, rivals, filters, overhead, and cost against size.

Run:  python benchmarks/index_search.py FOLDER ... [--only exact,rivals] [--items 1000000]
      [--sizes 10000,100000,1000000,10000000] [--vectors FOLDER] [--kept FOLDER]

Writes benchmarks/results/index.json and prints it. Items are the text vectors of the data folders'
items and, beyond their number, copies with noise about as long as the distance to the nearest
neighbour. The machine's reading and matrix rates are measured in the same run. Every figure is the
median of five runs, beside the least and the greatest.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from indexes.parts import exact_part, filters_part, overhead_part, rivals_part, size_part
from indexes.rivals import Kept
from indexes.vectors import Population, item_texts_vectors
from machine.ceilings import ceilings
from machine.peak_memory import PeakMemory
from report.markdown import rows_table
from report.results_file import read_results, results_path, write_results
from report.targets import print_targets, target

RESULTS = results_path("index")
PARTS = ("exact", "rivals", "filters", "overhead", "sizes")
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
# From here on numbers are stored as float16.
FLOAT16_FROM = 5_000_000
PACKAGES = ("numpy", "faiss-cpu", "hnswlib", "usearch")


def measure_size(arguments: list[str], n: int) -> dict[str, Any]:
    """Return `size_part` of a child process, and the child's peak memory.

    ``peak_gb`` is its own; with the mapped files' pages, ``peak_with_mapped_files_gb`` grows to
    whatever the machine has free.
    """
    # Here and not in /tmp, which is memory on many machines.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="index-sizes-") as temporary:
        out = Path(temporary) / "found.json"
        command = [sys.executable, __file__, *arguments, "--child", str(n), "--out", str(out)]
        process = subprocess.Popen(command)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()  # before its files are removed
            process.wait()
            raise
        if status:
            raise SystemExit(f"the index of {n:,} items failed")
        found: dict[str, Any] = json.loads(out.read_text())
    return found | {"peak_with_mapped_files_gb": usage.ru_maxrss * 1024 / 1e9}


def size_targets(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the targets of the largest size, and the slope of cost against size."""
    largest = rows[-1]
    said = f"{largest['items']:,} items"
    lines = [
        target(f"{said}: peak GB", largest["peak_gb"], 20.0, most=True),
        target(f"{said}: open seconds", largest["open_seconds"], 1.0, most=True),
        target(f"{said}: recall", largest["recall"], 0.98 - 0.005, most=False),
    ]
    if len(rows) > 1:
        lines.append(
            target("one query's time grows as items to the power", slope(rows), 1.0, most=True)
        )
    return lines


def slope(rows: list[dict[str, Any]]) -> float:
    """Return the exponent e of time ~ items ** e, fitted over the sizes."""
    items = np.log([row["items"] for row in rows])
    return float(np.polyfit(items, np.log([row["single_ms"] for row in rows]), 1)[0])


def main() -> None:
    """Measure the chosen parts and keep what was measured before of the rest."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path, help="data folders with item texts")
    arguments.add_argument("--only", default=",".join(PARTS), help=f"of: {', '.join(PARTS)}")
    arguments.add_argument("--items", type=int, default=1_000_000, help="items of all but sizes")
    arguments.add_argument("--sizes", default=",".join(map(str, SIZES)))
    arguments.add_argument("--vectors", type=Path, help="folder that keeps NAME.npy of a folder")
    arguments.add_argument("--kept", type=Path, help="folder that keeps the rivals' built indexes")
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--results", type=Path, default=RESULTS)
    arguments.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    people = Population(item_texts_vectors(given.folders, given.vectors))
    if given.child:
        storage = "float16" if given.child >= FLOAT16_FROM else "float32"
        place = given.out.parent / "scratch"
        place.mkdir()
        with PeakMemory() as peak:
            found = size_part(people, given.child, storage, place)
        given.out.write_text(json.dumps(found | {"peak_gb": peak.gb}))
        return
    chosen = given.only.split(",")
    unknown = sorted(set(chosen) - set(PARTS))
    if unknown:
        arguments.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    before = read_results(given.results)
    parts: dict[str, Any] = before.get("parts", {})
    n, threads = given.items, given.threads
    ceiling = ceilings(threads, people.real.shape[1])
    makers = {
        "exact": lambda: exact_part(people, n, ceiling, threads),
        "rivals": lambda: rivals_part(people, n, threads, Kept(given.kept)),
        "filters": lambda: filters_part(people, n, threads),
        "overhead": lambda: overhead_part(people, n),
    }
    for name, make in makers.items():
        if name in chosen:
            found, lines = make()
            parts[name] = {"found": found, "targets": lines, "ceilings": ceiling}
            print(f"\n{name}\n{rows_table(found['rows'])}", flush=True)  # noqa: T201
    if "sizes" in chosen:
        shared = [str(folder) for folder in given.folders]
        shared += ["--vectors", str(given.vectors)] if given.vectors else []
        rows = []
        for size in given.sizes.split(","):
            rows.append(measure_size(shared, int(size)))
            # At once: the next size may take half an hour.
            print(json.dumps(rows[-1]), flush=True)  # noqa: T201
        found = {"rows": rows, "slope": slope(rows) if len(rows) > 1 else None}
        parts["sizes"] = {"found": found, "targets": size_targets(rows), "ceilings": ceiling}
        print(f"\nsizes\n{rows_table(rows)}", flush=True)  # noqa: T201
    lines = [line for name in PARTS if name in parts for line in parts[name]["targets"]]
    content = {
        "subject": "index",
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {
            "items": n,
            "threads": threads,
            "real_items": len(people.real),
            "noise": people.noise,
            "perturbed": "items beyond the real ones are copies with that much noise",
        },
        "versions": {package: version(package) for package in PACKAGES},
        "ceilings": ceiling,
        "targets": lines,
        "parts": parts,
    }
    write_results(given.results, content)
    print(f"\nceilings: {json.dumps(ceiling)}")  # noqa: T201
    print(f"real items {len(people.real):,}, noise of copies {people.noise:.3f}\n")  # noqa: T201
    print_targets(lines)


if __name__ == "__main__":
    main()
