"""Trainings that are killed at random moments and resumed; run as a process of its own.

Each training is a fork of this process, which saves it the start of Python. Prints how the
files of the runs differ from those of a training that nobody killed, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from toy_shop import save_tiny_bert, settings_for, shop_catalog, shop_split

from longtail.index.files import sha256_of
from longtail.retrieval.run.bundle import read_manifest, work_folder
from longtail.training.settings import TrainingSettings
from longtail.training.train import train_engine

# Of each training: at most, and at least.
KILLS = 3
LEAST_KILLS = 2
CATALOG = shop_catalog()
SPLIT = shop_split(CATALOG)


def every_stage(bert: Path) -> TrainingSettings:
    """Return settings with all stages, each with several evaluations, and a refit."""
    stage = {
        "epochs": 2,
        "max_steps": -1,
        "batch_size": 16,
        "uniform_negatives": 20,
        "evaluations_per_epoch": 3,
        "patience": 2,
        "least_gain": 0.0,
        "offsets_lr": 3e-3,
    }
    # Texts of past items are read from the table that is renewed at each evaluation.
    text = {
        **stage,
        "epochs": 1.6,
        "trainable_layers": 1,
        "text_encoder_lr": 3e-4,
        "fresh_texts": "candidates",
    }
    settings = settings_for(bert, history=stage, encoder=stage, text=text, refit=True)
    # So good a start as the offsets in closed form leaves the text nothing to gain.
    return settings.changed(user_tower=settings.user_tower.changed(offsets=False))


def train_in_a_fork(settings: TrainingSettings, out: Path, kill_after_s: float | None) -> bool:
    """Train or go on, in a process that may be killed; return whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            train_engine(CATALOG, SPLIT, settings, out, resume=True)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the training failed by itself")
    return os.WIFEXITED(status)


def learned(run: Path) -> dict[str, Any]:
    """Return the sum of every file; of manifests, which hold times, what training measured."""
    found: dict[str, Any] = {
        str(path.relative_to(run)): sha256_of(path)
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "CURRENT")
    }
    summary = read_manifest(run)["summary"]
    return {**found, "summary": json.dumps(_without_seconds(summary), sort_keys=True)}


def _without_seconds(content: Any) -> Any:
    if isinstance(content, dict):
        return {k: _without_seconds(v) for k, v in content.items() if "seconds" not in k}
    return [_without_seconds(v) for v in content] if isinstance(content, list) else content


def main(folder: Path, trainings: int, seed: int) -> None:
    """Compare killed and resumed trainings with an unbroken one."""
    settings = every_stage(save_tiny_bert(folder / "bert"))
    began = time.monotonic()
    train_in_a_fork(settings, folder / "unbroken", None)
    whole_s = time.monotonic() - began
    unbroken = learned(folder / "unbroken")
    rng = np.random.default_rng(seed)
    different, kills, latest_s = set(), 0, whole_s
    for number in range(trainings):
        out, killed = folder / f"killed-{number}", 0
        work = work_folder(out)
        # A kill may also fall between the run's coming and its working folder's going.
        while not out.exists() or work.exists():
            # A killed one goes on: the later the kill, the later the part that it meets.
            kill_after_s = float(rng.uniform(0, latest_s)) if killed < KILLS else None
            ended = train_in_a_fork(settings, out, kill_after_s)
            if ended and work.exists():
                raise RuntimeError("the working folder was left behind")
            killed += not ended
            if out.exists() and not work.exists() and killed < LEAST_KILLS:
                # It was quicker than the unbroken one. Once more from nothing, killed sooner.
                shutil.rmtree(out)
                killed, latest_s = 0, latest_s / 2
        kills += killed
        resumed = learned(out)
        different |= {k for k in {*unbroken, *resumed} if unbroken.get(k) != resumed.get(k)}
    stages = read_manifest(folder / "unbroken")["summary"]["stages"]
    report = {
        "kills": kills,
        "different": sorted(different),
        "files": len(unbroken),
        "kept": {s["stage"]: s["kept"] for s in stages},
        "evaluations": {s["stage"]: len(s.get("evaluations", ())) for s in stages},
        "seconds": round(whole_s, 2),
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
