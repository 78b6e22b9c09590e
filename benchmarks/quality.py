"""Train and evaluate on data folders; write benchmarks/results/quality.json and its table.

Run:  python benchmarks/quality.py FOLDER ... [--config configs/cpu.yaml] [--seeds 0,1,2]
                                              [--baselines all] [--budget 60]

Everything is chosen on the valid part; what `refit` says about it is in the config. Each folder's
run is trained and evaluated by the command line in processes of its own, whose time and peak
memory are measured. The first seed's run is evaluated twice: as the command does it by default,
which with the training makes the time from raw files to a report, and with tuned baselines. Seeds
measured before with the same config stay, and count in the mean.
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
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from report.results_file import read_results, results_path, write_results
from report.targets import print_targets, target

HERE = Path(__file__).parent
RESULTS = results_path("quality")

# At debias 0, k = 10.
TARGETS = {
    "scientific_unisrec": {
        "recall": 0.160,
        "ndcg": 0.112,
        "tail_recall": 0.102,
        "tail_pool_recall": 0.126,
    },
    "beauty_p5": {
        "recall": 0.118,
        "ndcg": 0.073,
        "tail_recall": 0.095,
        "tail_pool_recall": 0.127,
    },
    "games_dealrec": {
        "recall": 0.030,
        "ndcg": 0.019,
        "tail_recall": 0.021,
        "cold_recall": 0.018,
        "tail_pool_recall": 0.034,
    },
}
MINUTES = {"scientific_unisrec": 25, "beauty_p5": 25}


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in GB."""
    began = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - began, usage.ru_maxrss / 2**20


@dataclass(frozen=True)
class Job:
    """What is done with every folder."""

    config: Path
    seeds: list[int]
    baselines: str
    budget: float
    runs: Path
    settings: tuple[str, ...] = ()

    def seed_run(self, folder: Path, seed: int) -> dict[str, object]:
        """Train with one seed, evaluate, and return every figure."""
        run = self.runs / f"{folder.name}-{seed}"
        longtail = [sys.executable, "-m", "longtail.cli"]
        evaluate = [*longtail, "evaluate", str(run)]
        train_s, train_gb, report_s = 0.0, 0.0, 0.0
        if not run.exists():
            train = [*longtail, "train", str(folder), "--config", str(self.config)]
            train += ["--out", str(run), "--set", f"seed={seed}"]
            train += [word for setting in self.settings for word in ("--set", setting)]
            train_s, train_gb = timed([*train, "--rejected", str(run.with_suffix(".csv"))])
            if seed == self.seeds[0]:
                report_s, _ = timed(evaluate)
        rivals = self.baselines if seed == self.seeds[0] else "none"
        budget = f"{self.budget:g}"
        evaluate_s, evaluate_gb = timed([*evaluate, "--baselines", rivals, "--budget", budget])
        costs = {
            "train_seconds": round(train_s, 1),
            "report_seconds": round(report_s, 1),
            "evaluate_seconds": round(evaluate_s, 1),
            "peak_gb": round(max(train_gb, evaluate_gb), 2),
        }
        return run_record(run, seed, costs)

    def folder(self, folder: Path, before: list[dict[str, object]]) -> dict[str, object]:
        """Return what all seeds reached, those measured before too, and their mean at debias 0."""
        found = [self.seed_run(folder, seed) for seed in self.seeds]
        found += [run for run in before if run["seed"] not in self.seeds]
        found.sort(key=lambda run: int(str(run["seed"])))
        plain: list[dict[str, float | None]] = [f["metrics"]["longtail"] for f in found]  # type: ignore[index]
        mean = {
            key: sum(float(p[key]) for p in plain) / len(plain)  # type: ignore[arg-type]
            for key in plain[0]
            if all(p.get(key) is not None for p in plain)
        }
        return {"config": self.config.name, "runs": found, "mean": mean}


def run_record(run: Path, seed: int, costs: dict[str, float]) -> dict[str, object]:
    """Return what the files of an evaluated run say, and what making them cost."""
    manifest = json.loads((run / "manifest.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    stages = manifest["summary"]["stages"]
    return {
        "seed": seed,
        **costs,
        "serving": manifest["serving"],
        "stages": [{k: v for k, v in s.items() if k != "evaluations"} for s in stages],
        "relevance": manifest["summary"]["relevance"],
        "metrics": metrics["metrics"],
        "claims": metrics.get("claims"),
        "baselines": metrics["settings"].get("baselines"),
        "users": metrics["settings"]["users"],
        "users_without_history": metrics["settings"].get("users_without_history"),
    }


def targets(name: str, result: dict[str, object]) -> list[dict[str, Any]]:
    """Return the targets of a folder, judged."""
    mean: dict[str, float] = result["mean"]  # type: ignore[assignment]
    first: dict[str, float] = result["runs"][0]  # type: ignore[index]
    found = []
    for metric, floor in TARGETS.get(name, {}).items():
        value = mean[f"{metric}@10"]
        found.append(target(f"{name} {metric}@10", value, floor, most=False))
    if name in MINUTES and first.get("report_seconds"):
        minutes = (first["train_seconds"] + first["report_seconds"]) / 60
        found.append(target(f"{name} minutes to the report", minutes, MINUTES[name], most=True))
    return found


def measured_with() -> dict[str, object]:
    """Return the machine and the versions that a result stands on."""
    packages = ("torch", "transformers", "sentence-transformers", "numpy", "faiss-cpu", "lightgbm")
    return {
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "versions": {package: version(package) for package in packages},
    }


def main() -> None:
    """Measure every folder and keep what was measured before of the others."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--config", type=Path, default=HERE.parent / "configs" / "cpu.yaml")
    arguments.add_argument("--seeds", default="0")
    arguments.add_argument("--baselines", default="all")
    arguments.add_argument("--budget", type=float, default=60.0, help="seconds a baseline")
    arguments.add_argument("--runs", type=Path, help="keep run folders here, and use those there")
    given = arguments.parse_args()
    measured: dict[str, object] = {}
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        runs = given.runs or Path(temporary)
        runs.mkdir(parents=True, exist_ok=True)
        seeds = [int(seed) for seed in given.seeds.split(",")]
        job = Job(given.config, seeds, given.baselines, given.budget, runs)
        for folder in given.folders:
            key = folder.name
            if given.config.name != "cpu.yaml":
                key = f"{folder.name} ({given.config.stem})"
            known = read_results(RESULTS).get("results", {})
            before = known.get(key, {}).get("runs", [])
            measured[key] = found = job.folder(folder, before)
            lines += targets(folder.name, found)
    # Read late: another folder's run may have ended meanwhile.
    results = read_results(RESULTS).get("results", {})
    results |= measured
    content = {
        **measured_with(),
        "targets": lines,
        "results": results,
    }
    write_results(RESULTS, content)
    print_targets(lines)


if __name__ == "__main__":
    main()
