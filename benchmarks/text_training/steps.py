"""Fine-tuning the text encoder: the engine's text stage against sentence-transformers' trainer.

Run:  python benchmarks/finetuning.py steps FOLDER [--pairs 12800] [--only NAME;...] [--threads N]
      [--set KEY=VALUE ...]

The task is what both can express: an item's text should be near the text of the item that the
same person took next, among the other pairs of the batch. Users of held-out pairs are in no
training pair. All rows start from the same weights, cut texts at the same token, see the same
number of pairs once, and are measured on the same held-out pairs in the same batches of 64 at the
same temperature. Seconds are wall time of the steps; what a row does before its first step, and
would do once however long it trained, stands beside them, and is part of the target's figure.

Writes benchmarks/results/finetuning.json, row by row. Rows that ``--only`` leaves out stay as an
earlier run with the same data, pairs, threads, seed and versions left them. The machine's matrix
rate is measured before each row.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from machine.ceilings import matrix_rate
from report.results_file import read_results, results_path, write_results
from report.targets import print_targets, target
from text_training.rows import (
    FAST,
    MAX_TOKENS,
    Pairs,
    contrastive_figures,
    ours,
    sentence_transformers_row,
)

from longtail.files.folders.find_files import find_file
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER

RESULTS = results_path("finetuning")
PACKAGES = ("torch", "transformers", "sentence-transformers", "datasets")
LEAST_SPEED_UP = 2.0
BEFORE, THEIRS, OURS = "before training", "sentence-transformers, its defaults", "longtail"


def read_pairs(folder: Path, count: int, held_out: int, seed: int) -> tuple[Catalog, Pairs, Pairs]:
    """Return the catalog, training pairs and held-out pairs of a data folder's train part.

    One user in ten, drawn by the seed, is held out.
    """
    rejected = RejectedRows()
    catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=rejected)
    log = read_interactions(find_file(folder, ("interactions",)), catalog, rejected=rejected)
    log = log if log.part is None else log.select(log.part == TRAIN)
    histories = Histories.from_interactions(log)
    rng = np.random.default_rng(seed)
    apart = rng.random(len(histories)) < 0.1
    train = Pairs.of(histories.take(np.flatnonzero(~apart)), rng, count)
    return catalog, train, Pairs.of(histories.take(np.flatnonzero(apart)), rng, held_out)


def kept_rows(path: Path, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of a results file by name, if it was measured on the same of everything."""
    found = read_results(path)
    if any(found.get(key) != value for key, value in content.items()):
        return {}
    return {row["row"]: row for row in found["rows"]}


def targets_of(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the targets, none while one of the two rows that they compare is missing."""
    if not {THEIRS, OURS} <= rows.keys():
        return []
    theirs, found = rows[THEIRS], rows[OURS]
    speed_up = found["texts_per_second_with_preparation"] / theirs["texts_per_second"]
    worse = found["held_out_loss"] - theirs["held_out_loss"]
    return [
        target(
            "texts a second, preparation included, of sentence-transformers'",
            speed_up,
            LEAST_SPEED_UP,
            most=False,
        ),
        target("held-out loss above sentence-transformers'", worse, 0.0, most=True),
    ]


def override(text: str) -> tuple[str, Any]:
    """Return name and value of a setting written as KEY=VALUE."""
    key, _, value = text.partition("=")
    return key, yaml.safe_load(value)


def main(words: list[str]) -> None:
    """Measure the rows and write what was found."""
    arguments = argparse.ArgumentParser("finetuning.py steps", description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path, help="data folder")
    arguments.add_argument("--pairs", type=int, default=12_800)
    arguments.add_argument("--held-out", type=int, default=4_096)
    arguments.add_argument("--only", help="names of rows, by semicolon")
    arguments.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of our stage; repeatable"
    )
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--results", type=Path, default=RESULTS)
    given = arguments.parse_args(words)
    torch.set_num_threads(given.threads)
    stage = FAST.changed(**dict(override(text) for text in given.set))
    catalog, train, held_out = read_pairs(given.folder, given.pairs, given.held_out, given.seed)
    makers: dict[str, Any] = {
        BEFORE: lambda: {"tower": ItemTower.from_pretrained(DEFAULT_ENCODER, MAX_TOKENS)},
        THEIRS: lambda: sentence_transformers_row(catalog, train, given.seed),
        f"sentence-transformers, batches of {stage.batch_size}": lambda: sentence_transformers_row(
            catalog, train, given.seed, batch_size=stage.batch_size
        ),
        OURS: lambda: ours(catalog, train, given.seed, stage),
    }
    chosen = given.only.split(";") if given.only else list(makers)
    if unknown := set(chosen) - makers.keys():
        arguments.error(f"no row is called {', '.join(sorted(unknown))}; rows: {'; '.join(makers)}")
    content: dict[str, Any] = {
        "subject": "finetuning",
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {
            "data": given.folder.name,
            "items": len(catalog),
            "pairs": train.count,
            "held_out_pairs": held_out.count,
            "threads": given.threads,
            "seed": given.seed,
        },
        "versions": {package: version(package) for package in PACKAGES},
    }
    rows = kept_rows(given.results, content)
    for name in chosen:
        gflops = matrix_rate(given.threads, 384)["gflops"]
        began = time.perf_counter()
        row = makers[name]()
        tower = row.pop("tower")
        if "step_seconds" in row:
            texts = 2 * train.count
            row |= {
                "texts_per_second": texts / row["step_seconds"],
                "texts_per_second_with_preparation": texts
                / (row["step_seconds"] + row["preparation_seconds"]),
                "matrix_gflops": gflops,
                "share_of_matrix_rate": row.pop("products") / row["step_seconds"] / (1e9 * gflops),
                "total_seconds": time.perf_counter() - began,
            }
        rows[name] = {"row": name, **row, **contrastive_figures(tower, catalog, held_out)}
        # Written as they are made: a row takes up to half an hour.
        ordered = [rows[name] for name in makers if name in rows]
        content |= {"targets": targets_of(rows), "rows": ordered}
        write_results(given.results, content)
        print(json.dumps(rows[name]), flush=True)  # noqa: T201
    print_targets(content["targets"])
