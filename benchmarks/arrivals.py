"""What arrives after training: items, copies, days; write benchmarks/results/arrivals.json.

Run:  python benchmarks/arrivals.py FOLDER|demo-shop ... [--draws 3] [--set KEY=VALUE ...]
                                    [--only late,copies,periods] [--work FOLDER]
                                    [--engine now|before] [--against FOLDER]

A tenth of the tail items and of the cold ones leaves catalog and log. One engine is trained
without them, and gets them by `longtail index add` (late); another is trained on the whole catalog
without their events (cold). Users who took such an item in the test part are asked for it, and
everybody for the rest. Copies of cold and tail items are added under new ids, and the lists counted
that show a copy and its original. A log that is cut by time is cut into periods, and the next
period asked of an engine that is never updated, of one updated by `longtail learn`, and of one
trained anew. What --work holds already isn't trained again. Results are kept by ``--engine``, so
that the engine before a change stands beside the one after it; --against names the work folder of
the one before, whose figures are then compared with these user by user.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from arriving_items.draw import Draw
from arriving_items.engines import Engines
from arriving_items.folders import SHOP, make_shop, read_dataset
from arriving_items.next_periods import NextPeriods
from arriving_items.periods import Periods
from pages.arrival_targets import targets as judged
from pages.arrivals import TABLES
from quality import HERE, measured_with
from report.results_file import read_results, results_path, write_results
from report.targets import print_targets

RESULTS = results_path("arrivals")
SUBJECTS = ("late", "copies", "periods")


def measure(
    folder: str,
    work: Path,
    engines: Engines,
    draws: int,
    subjects: list[str],
    against: Path | None = None,
) -> dict[str, Any]:
    """Return what every draw of a data set gave."""
    source = make_shop(work / SHOP) if folder == SHOP else Path(folder)
    data = read_dataset(source, work / f"{source.name}.rejected.csv")
    result: dict[str, Any] = {"config": engines.config.name, "settings": list(engines.settings)}
    records = []
    for number in range(draws if {"late", "copies"} & set(subjects) else 0):
        draw = Draw.of(data, number, engines)
        record: dict[str, Any] = {"draw": number}
        if "late" in subjects:
            record |= draw.measured(against=against)
        if "copies" in subjects:
            record["copies"] = draw.measured_copies()
        records.append(record)
    if records:
        result["draws"] = records
    if "periods" in subjects:
        if folder == SHOP:
            shop = make_shop(work / f"drifting-{SHOP}", drift=True)
            data = read_dataset(shop, work / f"{shop.name}.rejected.csv")
        if Periods.fit(data):
            made = replace(engines, work=engines.work / "periods")
            result["periods"] = NextPeriods(Periods.of(data), made).measured()
    return result


def merged(known: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with the draws and subjects of an earlier one that it lacks.

    >>> merged({"draws": [{"draw": 0, "a": 1}, {"draw": 1}]}, {"draws": [{"draw": 0, "b": 2}]})
    {'draws': [{'draw': 0, 'a': 1, 'b': 2}, {'draw': 1}]}
    """
    draws = {record["draw"]: record for record in known.get("draws", [])}
    for record in result.get("draws", []):
        draws[record["draw"]] = {**draws.get(record["draw"], {}), **record}
    return {**known, **result, "draws": [draws[number] for number in sorted(draws)]}


def main() -> None:
    """Measure the data sets and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", metavar=f"FOLDER|{SHOP}")
    arguments.add_argument("--draws", type=int, default=3)
    arguments.add_argument("--only", default=",".join(SUBJECTS), help="subjects, with commas")
    arguments.add_argument("--config", type=Path, default=HERE.parent / "configs" / "cpu.yaml")
    arguments.add_argument("--set", action="append", default=[], dest="settings")
    arguments.add_argument("--engine", default="now", help="the name of the code that is measured")
    arguments.add_argument("--work", type=Path, help="keep data and runs here, and use runs there")
    arguments.add_argument("--against", type=Path, help="the work folder of the engine before")
    arguments.add_argument("--out", type=Path, default=RESULTS)
    given = arguments.parse_args()
    subjects = given.only.split(",")
    if unknown := set(subjects) - set(SUBJECTS):
        arguments.error(f"--only {', '.join(sorted(unknown))}: choose from {', '.join(SUBJECTS)}")
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        for folder in given.folders:
            name = Path(folder).name
            changes = f" ({', '.join(given.settings)})" if given.settings else ""
            runs = work / re.sub(r"[^\w.=-]+", "_", "-".join([name, *given.settings]))
            runs.mkdir(parents=True, exist_ok=True)
            engines = Engines(runs, runs / "vectors", given.config.resolve(), tuple(given.settings))
            other = given.against / runs.name if given.against else None
            result = measure(folder, work, engines, given.draws, subjects, other)
            # Read late: another data set may have ended meanwhile.
            content = read_results(given.out)
            results = content.get("results", {})
            of_data = results.setdefault(f"{name}{changes}", {})
            of_data[given.engine] = merged(of_data.get(given.engine, {}), result)
            lines = judged(results)
            content = {**content, **measured_with(), "targets": lines, "results": results}
            write_results(given.out, content)
    for table in TABLES.values():
        print(table(results), end="\n\n")  # noqa: T201
    print_targets(lines)


if __name__ == "__main__":
    main()
