"""What the tuned item tower is worth; write benchmarks/results/towers.json and its table.

Run:  python benchmarks/finetuning.py worth FOLDER ... [--seeds 0,1,2] [--work W] [--set KEY=VALUE]

Each folder is trained twice a seed by the command line: with the tuned item tower as
configs/cpu.yaml has it, and without it (co_taken.epochs=0). On the test part, at debias 0, of users
with a history: vectors alone, by the cosine with the history (pretrained, tuned, both side by
side), and the whole engine,
by how often a target was taken in training, in the whole catalog and among the items that were
taken as often. Differences are those of the same users. W keeps runs, and uses those there.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from arriving_items.engines import Engines
from report.results_file import read_results, results_path, write_results
from tuned_towers.by_events import (
    Questions,
    difference,
    means,
    measured,
    of_engine,
    of_vectors,
)

from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.towers.paired_item_tower import PairedItemTower
from longtail.retrieval.towers.whitening import unit_rows

ROOT = Path(__file__).parent.parent.parent
RESULTS = results_path("towers")
MOST_USERS = 10_000
OFF, ON = "without the tuned tower", "with it"
# Whose users are compared, and with whom.
COMPARED = {"vectors, both": "vectors, pretrained", f"engine {ON}": f"engine {OFF}"}


def vectors_of(retriever: Retriever) -> dict[str, np.ndarray]:
    """Return the catalog's vectors of a run by who made them, unit rows."""
    tower = retriever.bundle.item_tower
    both = retriever.ranking.index.vectors(np.arange(len(retriever.bundle.catalog)))
    if not isinstance(tower, PairedItemTower):
        return {"pretrained": both}
    halves = np.split(both, [tower.pretrained.dim], axis=1)
    return {
        "pretrained": unit_rows(halves[0]),
        "tuned": unit_rows(halves[1]),
        "both": both,
    }


def seed_record(engines: Engines, folder: Path, seed: int) -> dict[str, Any]:
    """Return every figure of one seed."""
    without = replace(engines, settings=(*engines.settings, "co_taken.epochs=0"))
    names = {OFF: f"{folder.name}-{seed}-off", ON: f"{folder.name}-{seed}-on"}
    runs = {OFF: without, ON: engines}
    opened = {
        name: Retriever.open(made.trained(folder, names[name], seed=seed))
        for name, made in runs.items()
    }
    bundle = opened[ON].bundle
    questions = Questions.of(bundle, MOST_USERS)
    rankings = {
        f"vectors, {name}": of_vectors(vectors, bundle)
        for name, vectors in vectors_of(opened[ON]).items()
    }
    rankings |= {f"engine {name}": of_engine(found.ranking) for name, found in opened.items()}
    figures = {name: measured(ranking, questions) for name, ranking in rankings.items()}
    return {
        "seed": seed,
        "users": len(questions.histories),
        "stage": [s for s in bundle.summary["stages"] if s["stage"] == "co_taken"],
        "seconds": {name: engines.seconds(run) for name, run in names.items()},
        "figures": {name: means(found) for name, found in figures.items()},
        "differences": {
            name: {key: difference(values, figures[other][key]) for key, values in found.items()}
            for name, found in figures.items()
            if (other := COMPARED.get(name)) is not None
        },
    }


def main(words: list[str]) -> None:
    """Measure every folder and keep what was measured before of the others."""
    arguments = argparse.ArgumentParser("finetuning.py worth", description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--config", type=Path, default=ROOT / "configs" / "cpu.yaml")
    arguments.add_argument("--seeds", default="0")
    arguments.add_argument("--work", type=Path, help="keep runs here, and use those there")
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = arguments.parse_args(words)
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        engines = Engines(work, work / "vectors", given.config.resolve(), tuple(given.set))
        for folder in given.folders:
            seeds = [
                seed_record(engines, folder.resolve(), int(seed)) for seed in given.seeds.split(",")
            ]
            name = folder.name + (f" ({', '.join(given.set)})" if given.set else "")
            results = read_results(RESULTS)
            known = [
                s for s in results.get(name, []) if s["seed"] not in {x["seed"] for x in seeds}
            ]
            found = sorted([*known, *seeds], key=lambda record: int(record["seed"]))
            write_results(RESULTS, results | {name: found})
