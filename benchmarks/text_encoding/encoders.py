"""What text encoders, whole and in part, cost and give on a catalog; write results/encoders.json.

Run:  python benchmarks/encoding.py encoders FOLDER ... [--try A,B,C] [--items 1000]

What `longtail models` measures, with all differences taken to the first encoder: content kNN by
the vectors alone on the validation part, before any training. Larger catalogs are sampled. The
difference of the balance has its interval from resampled users, those of recall are paired by user
(BCa bootstrap). Texts a second are of one thread, by the time that it worked and not by the clock,
the better of two turns: other work of the machine doesn't count.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from report.results_file import read_results, results_path, write_results

from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.files.folders.find_files import find_file
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.splits import split
from longtail.retrieval.progress import silent
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.encoders.candidates import EncoderCandidate, named_candidates
from longtail.training.encoders.catalog_sample import CatalogSample, draw_sample
from longtail.training.encoders.content_figures import interval, resampled_balances
from longtail.training.encoders.trial import EncoderTrial, try_encoder
from longtail.training.settings import TrainingSettings

RESULTS = results_path("encoders")
DECODER = "SmolLM2-135M-Instruct"
ENCODERS = (
    "all-MiniLM-L6-v2",
    "all-MiniLM-L6-v2:layers=3",
    "all-MiniLM-L6-v2:dims=256",
    "multilingual",
    DECODER,
)
PACKAGES = ("torch", "transformers", "sentence-transformers")
MOST_USERS = 5_000
# Read by turns, for the speed.
TIMED_TEXTS, ROUNDS = 32, 2


def sample_of(folder: Path, items: int) -> CatalogSample:
    """Return so many items of a folder's catalog and the users that they suffice for."""
    catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=RejectedRows())
    log = read_interactions(find_file(folder, ("interactions",)), catalog, rejected=RejectedRows())
    rule = TrainingSettings().data.bucket_rule
    return draw_sample(catalog, split(log), items=items, users=MOST_USERS, bucket_rule=rule, seed=0)


def measure(names: list[str], sample: CatalogSample) -> list[dict[str, Any]]:
    """Return a record an encoder, the differences to the first."""
    trials: list[EncoderTrial] = []
    candidates = named_candidates(names)
    for candidate in candidates:
        trial = try_encoder(
            candidate,
            sample,
            TrainingSettings().item_tower,
            most_seconds=float("inf"),
            progress=silent,
        )
        if trial.reason or trial.figures is None:
            raise SystemExit(f"{candidate.name}: {trial.reason or trial.unmeasured}")
        sys.stdout.write(f"{candidate.name}: balance {trial.figures.balance:.4f}\n")
        sys.stdout.flush()
        trials.append(trial)
    return records_of(trials, speeds(candidates, sample))


def speeds(candidates: list[EncoderCandidate], sample: CatalogSample) -> list[float]:
    """Return how many of the sample's texts each encoder reads in a second of its thread's work."""
    rows = np.unique(np.linspace(0, len(sample) - 1, TIMED_TEXTS).astype(int))
    texts = [sample.texts[row] for row in rows.tolist()]
    opened: list[tuple[TorchBackend, TokenTable]] = []
    for candidate in candidates:
        settings = candidate.settings(TrainingSettings().item_tower)
        tower = ItemTower.from_pretrained(**settings.of_encoder()).eval()
        opened.append((TorchBackend(tower), tower.tokenise(texts)))
    best = [0.0] * len(opened)
    for _ in range(ROUNDS):
        for number, (backend, tokens) in enumerate(opened):
            began = time.process_time()
            encode_pooled(backend, tokens)
            best[number] = max(best[number], len(texts) / (time.process_time() - began))
    return best


def records_of(trials: list[EncoderTrial], per_second: list[float]) -> list[dict[str, Any]]:
    """Return trials as plain data, with the texts a second of each."""
    figures = [trial.figures for trial in trials if trial.figures is not None]
    balances = resampled_balances(figures, seed=0)
    records = []
    for column, (trial, found) in enumerate(zip(trials, figures, strict=True)):
        record: dict[str, Any] = {
            "encoder": trial.candidate.name,
            "texts a second": round(per_second[column], 1),
            "dims": trial.dims,
            "bytes an item": trial.vector_bytes,
            "model bytes": trial.model_bytes,
            "unknown tokens": None if trial.coverage is None else trial.coverage.unknown_share,
            "recall": float(found.recall.mean()),
            "tail recall": float(np.nanmean(found.tail_recall)),
            "balance": found.balance,
        }
        if column:
            first = figures[0]
            record["recall difference"] = difference(found.recall, first.recall)
            record["tail recall difference"] = difference(found.tail_recall, first.tail_recall)
            ends = interval(balances[:, column] - balances[:, 0])
            record["balance difference"] = [found.balance - first.balance, *ends]
        records.append(record)
    return records


def difference(values: NDArray[np.float64], first: NDArray[np.float64]) -> list[float]:
    """Return the mean difference of users' values, and its 95 % interval."""
    result = paired_bootstrap((values - first)[:, None])
    return [float(end[0]) for end in (result.difference, result.low, result.high)]


def main(words: list[str]) -> None:
    """Measure every folder, keep what was measured of others and of other samples, and write."""
    arguments = argparse.ArgumentParser("encoding.py encoders", description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--try", dest="tried", default=",".join(ENCODERS))
    arguments.add_argument("--items", type=int, default=1_000, help="a sample of so many")
    given = arguments.parse_args(words)
    torch.set_num_threads(1)
    machine = {
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        **{package: version(package) for package in PACKAGES},
    }
    for folder in given.folders:
        sample = sample_of(folder, given.items)
        sys.stdout.write(f"{folder.name}: {len(sample):,} of {sample.catalog_size:,} items, ")
        sys.stdout.write(f"{len(sample.validation):,} users\n")
        measured = {
            "data": folder.name,
            "items": len(sample),
            "catalog": sample.catalog_size,
            "users": len(sample.validation),
            "encoders": measure(given.tried.split(","), sample),
        }
        # Read now: another folder may have been measured meanwhile.
        results = read_results(RESULTS) | {"machine": machine}
        results["data"] = results.get("data", {}) | {f"{folder.name} {len(sample)}": measured}
        write_results(RESULTS, results)
