"""Behaviour evidence: size, time and memory on made-up logs, quality on data folders.

Run:  python benchmarks/behaviour.py [FOLDER ...] [--sizes exact,large]

Writes benchmarks/results/behaviour.json and the tables of docs/behaviour.md. Each log is made and
fitted in a process of its own, whose peak memory is measured. Quality is measured on the validation
part, fitted on the train part; the test part is never read.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from report.results_file import read_results, results_path, write_results
from report.targets import print_targets, target

from longtail.training.evidence.item_weights.item_weights_settings import ItemWeightsSettings

RESULTS = results_path("behaviour")
# Items, interactions, and the targets: gigabytes and seconds (None: reported alone).
SIZES: dict[str, tuple[int, int, float, float | None]] = {
    "exact": (30_000, 600_000, 8.0, 600.0),
    "large": (1_000_000, 20_000_000, 16.0, None),
}
VALIDATION_USERS = 5_000
# What is said of it, decay, and last items read.
READINGS = (
    ("", 0.8, 20),
    (", decay 0.7", 0.7, 20),
    (", decay 0.9", 0.9, 20),
    (", decay 1", 1.0, 20),
    (", last 10 items", 0.8, 10),
    (", last 50 items", 0.8, 50),
)


def fit_size(name: str) -> dict[str, Any]:
    """Make the log of this size, fit it, and return every figure; runs in the child."""
    from synthetic.log import make_log

    from longtail.retrieval.data.histories.histories import Histories
    from longtail.retrieval.features.history_scores import HistoryScores
    from longtail.training.evidence.item_weights.fit_item_weights import fit_item_weights

    n_items, n_interactions, _, _ = SIZES[name]
    began = time.monotonic()
    taken, vectors = make_log(n_items, n_interactions)
    made_s = time.monotonic() - began
    behaviour, report = fit_item_weights(taken, vectors)
    lists = [
        taken.indices[taken.indptr[u] : taken.indptr[u + 1]][:20]
        for u in np.random.default_rng(0).choice(taken.shape[0], 256, replace=False)
    ]
    histories = Histories.from_lists(lists)
    everything, nothing = np.ones(n_items, bool), np.empty(0, np.int64)
    # The first call compiles the loops, or reads them from their cache.
    HistoryScores.of(behaviour, histories).top(100, everything, nothing)
    began = time.monotonic()
    HistoryScores.of(behaviour, histories)
    score_ms = 1000 * (time.monotonic() - began)
    began = time.monotonic()
    HistoryScores.of(behaviour, histories).top(100, everything, nothing)
    top_ms = 1000 * (time.monotonic() - began)
    return {
        "users": taken.shape[0],
        "interactions": taken.nnz,
        "making_the_log_seconds": round(made_s, 1),
        "score_256_histories_ms": round(score_ms, 1),
        "top_100_of_256_histories_ms": round(top_ms, 1),
        **asdict(report),
    }


def measure_size(name: str) -> dict[str, Any]:
    """Return `fit_size` of a child process, and the child's peak memory."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "found.json"
        process = subprocess.Popen([sys.executable, __file__, "--child", name, "--out", str(out)])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"fitting the {name} log failed")
        found: dict[str, Any] = json.loads(out.read_text())
    cpu_s = usage.ru_utime + usage.ru_stime
    return {
        **found,
        "cpu_seconds": round(cpu_s),
        "measured_peak_gb": round(usage.ru_maxrss / 2**20, 2),
    }


def quality(folder: Path, vectors_file: Path | None) -> list[dict[str, Any]]:
    """Return recall and NDCG at 10 on validation of every variant, one row each."""
    from longtail.files.folders.find_files import find_file
    from longtail.retrieval.data.files.catalog_file import read_catalog
    from longtail.retrieval.data.files.interaction_file import read_interactions
    from longtail.retrieval.data.files.rejected import RejectedRows
    from longtail.retrieval.data.histories.histories import Histories
    from longtail.retrieval.data.popularity import Popularity
    from longtail.retrieval.data.splits import split
    from longtail.training.evidence.item_weights.fit_item_weights import fit_each
    from longtail.training.evidence.item_weights.item_weights_choice import measure_item_weights
    from longtail.training.trainer.examples import taken_matrix
    from longtail.training.validation import ValidationSet

    rejected = RejectedRows()
    catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=rejected)
    log = read_interactions(find_file(folder, ("interactions",)), catalog, rejected=rejected)
    parts = split(log)
    known = Histories.from_interactions(parts.train)
    taken = taken_matrix(known, len(catalog))
    popularity = Popularity.from_counts(parts.train.user_counts(len(catalog)), catalog.item_ids)
    validation = ValidationSet.from_split(
        known, parts.valid, popularity, max_users=VALIDATION_USERS, seed=0
    )
    vectors = np.load(vectors_file) if vectors_file else text_vectors(catalog.texts())
    rows = []
    variants = quality_variants()
    fitted = fit_each(taken, vectors, [settings for _, settings in variants])
    for (name, _), (behaviour, report) in zip(variants, fitted, strict=True):
        for said, decay, last in READINGS if name == "default" else READINGS[:1]:
            found = measure_item_weights(behaviour, validation, decay=decay, last=last)
            row = {k: round(v, 4) for k, v in asdict(found).items() if k != "popularity_weight"}
            rows.append({"variant": name + said, **row, "share_kept": report.share_kept})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)  # noqa: T201
    return rows


def quality_variants() -> list[tuple[str, ItemWeightsSettings]]:
    """Return names and settings, those that share an inverse beside one another."""
    default = ItemWeightsSettings()
    first = default.changed(closed_form_limit=0)
    variants = [
        ("first order without texts", first.changed(text_neighbours=0, first_order_kernel=0.0)),
        ("first order alone", first),
        ("default", default),
        ("closed form alone", default.changed(first_order=0.0)),
        ("closed form + 0.5 first order", default.changed(first_order=0.5)),
    ]
    for kept in (50, 100, 400):
        variants.append((f"default, {kept} entries a row", default.changed(kept=kept)))
    for kernel, ridge in ((1.0, 20.0), (30.0, 50.0), (60.0, 50.0), (60.0, 200.0), (100.0, 200.0)):
        for share in (0.0, 0.25, 0.5):
            chosen = default.changed(text_kernel=kernel, ridge=ridge, first_order=share)
            said = f" + {share:g} first order" if share else ""
            variants.append((f"kernel {kernel:g}, ridge {ridge:g}{said}", chosen))
    return variants


def text_vectors(texts: list[str]) -> Any:
    """Return the whitened vectors of the frozen default encoder."""
    from longtail.retrieval.towers.backends.torch_backend import TorchBackend
    from longtail.retrieval.towers.item_tower import ItemTower
    from longtail.retrieval.towers.text.encoding import encode_pooled
    from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER
    from longtail.retrieval.towers.whitening import fit_partial_whitening

    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, 96)
    pooled = encode_pooled(TorchBackend(tower), tower.tokenise(texts))
    tower.set_whitening(fit_partial_whitening(pooled, 0.5))
    return tower.project_all(pooled)


def targets(sizes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the targets of every size that was measured."""
    lines = []
    for name, found in sizes.items():
        _, _, most_gb, most_s = SIZES[name]
        items = f"{found['items']:,} items"
        peak = found["measured_peak_gb"]
        lines.append(target(f"{items} peak GB", peak, most_gb, most=True))
        if most_s is not None:
            lines.append(target(f"{items} seconds", found["seconds"], most_s, most=True))
    return lines


def main() -> None:
    """Measure the chosen parts and keep what was measured before of the rest."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="*", type=Path, help="data folders for quality")
    arguments.add_argument("--sizes", default=",".join(SIZES), help="of: exact, large; or none")
    arguments.add_argument("--vectors", type=Path, help="folder with NAME.npy, one a data folder")
    arguments.add_argument("--child", choices=list(SIZES), help=argparse.SUPPRESS)
    arguments.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.child:
        given.out.write_text(json.dumps(fit_size(given.child)))
        return
    sizes = {name: measure_size(name) for name in SIZES if name in given.sizes.split(",")}
    found = {}
    for folder in given.folders:
        stored = given.vectors / f"{folder.name}.npy" if given.vectors else None
        found[folder.name] = quality(folder, stored)
    before = read_results(RESULTS)
    sizes = {**before.get("sizes", {}), **sizes}
    found = {**before.get("quality", {}), **found}
    lines = targets(sizes)
    packages = ("numpy", "scipy", "faiss-cpu")
    content = {
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "versions": {package: version(package) for package in packages},
        "targets": lines,
        "sizes": sizes,
        "quality": found,
    }
    write_results(RESULTS, content)
    print(json.dumps(sizes, indent=1))  # noqa: T201
    print_targets(lines)


if __name__ == "__main__":
    main()
