"""Train and evaluate on data folders; write benchmarks/results/quality.json and its table.

Run:  python benchmarks/quality.py FOLDER ... [--config configs/cpu.yaml]

Everything is fitted on the train part and chosen on the valid part. Each folder's run is trained
and evaluated by the command line in processes of its own, whose time and peak memory are measured.
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
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "quality.json"

# What a frozen sentence encoder reaches on the same split: the floor, at k = 10.
FLOORS = {
    "scientific_unisrec": {"recall": 0.1189, "ndcg": 0.0755, "tail_pool_recall": 0.1002},
}
MINUTES = {"scientific_unisrec": 6, "beauty_p5": 20}
GIGABYTES = 6


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in GB."""
    began = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - began, usage.ru_maxrss / 2**20


def run_folder(folder: Path, config: Path, run: Path) -> dict[str, object]:
    """Train on the folder, evaluate, and return every figure."""
    longtail = [sys.executable, "-m", "longtail.cli"]
    rejected = str(run.with_suffix(".rejected.csv"))
    train = [*longtail, "train", str(folder), "--config", str(config), "--out", str(run)]
    train_s, train_gb = timed([*train, "--overwrite", "--rejected", rejected])
    evaluate_s, evaluate_gb = timed([*longtail, "evaluate", str(run)])
    manifest = json.loads((run / "manifest.json").read_text())
    stages = manifest["summary"]["stages"]
    return {
        "config": config.name,
        "train_seconds": round(train_s, 1),
        "evaluate_seconds": round(evaluate_s, 1),
        "peak_gb": round(max(train_gb, evaluate_gb), 2),
        "serving": manifest["serving"],
        "stages": [{k: v for k, v in s.items() if k != "evaluations"} for s in stages],
        "relevance": manifest["summary"]["relevance"],
        "metrics": json.loads((run / "metrics.json").read_text())["metrics"],
    }


def targets(name: str, result: dict[str, object]) -> list[tuple[str, float, float, bool]]:
    """Return name, value, target and whether it is reached."""
    serving: dict[str, float] = result["serving"]  # type: ignore[assignment]
    debias = serving["debias"]
    metrics: dict[str, dict[str, float]] = result["metrics"]  # type: ignore[assignment]
    ours = metrics[f"longtail (debias {debias:g})" if debias else "longtail"]
    found = []
    for metric, floor in FLOORS.get(name, {}).items():
        value = ours[f"{metric}@10"]
        found.append((f"{name} {metric}@10", value, floor, value >= floor))
    minutes = (result["train_seconds"] + result["evaluate_seconds"]) / 60  # type: ignore[operator]
    if name in MINUTES:
        found.append((f"{name} minutes", minutes, MINUTES[name], minutes <= MINUTES[name]))
    peak = float(result["peak_gb"])  # type: ignore[arg-type]
    found.append((f"{name} peak GB", peak, GIGABYTES, peak <= GIGABYTES))
    return found


def main() -> None:
    """Measure every folder and keep what was measured before of the others."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--config", type=Path, default=HERE.parent / "configs" / "cpu.yaml")
    arguments.add_argument("--keep", type=Path, help="keep the run folders here")
    given = arguments.parse_args()
    results = json.loads(RESULTS.read_text())["results"] if RESULTS.exists() else {}
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        for folder in given.folders:
            keep = given.keep or Path(temporary)
            keep.mkdir(parents=True, exist_ok=True)
            found = run_folder(folder, given.config, keep / folder.name)
            key = folder.name
            if given.config.name != "cpu.yaml":
                key = f"{folder.name} ({given.config.stem})"
            results[key] = found
            lines += targets(folder.name, found)
    RESULTS.parent.mkdir(exist_ok=True)
    packages = ("torch", "transformers", "sentence-transformers", "numpy", "faiss-cpu")
    content = {
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "versions": {package: version(package) for package in packages},
        "targets": [{"name": n, "value": v, "target": t, "reached": ok} for n, v, t, ok in lines],
        "results": results,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    for name, value, target, ok in lines:
        print(f"target {name}: {value:.4g} (asked {target:g}) {'reached' if ok else 'short'}")  # noqa: T201


if __name__ == "__main__":
    main()
