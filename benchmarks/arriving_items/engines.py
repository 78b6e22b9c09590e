"""Engines as an owner gets them: by `longtail train` and `longtail index add`, each once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from report.results_file import read_results, write_results

from longtail.retrieval.run.bundle import work_folder

LONGTAIL = (sys.executable, "-m", "longtail.cli")
SECONDS = "seconds.json"


@dataclass(frozen=True)
class Engines:
    """How engines are made; what stands in the work folder already is used.

    Attributes:
        work: holds the runs; like all paths here it doesn't depend on the folder one is in.
        vectors: holds the vectors of texts, which several runs read.
        config: a configuration file.
        settings: ``KEY=VALUE`` beside it.
    """

    work: Path
    vectors: Path
    config: Path
    settings: tuple[str, ...] = ()

    def trained(self, data: Path, name: str, *, seed: int = 0) -> Path:
        """Return a run of a data folder, or of a catalog file alone; a cut training goes on."""
        run = self.work / name
        if not (run / "manifest.json").exists():
            given = [str(data)] if data.is_dir() else ["--catalog", str(data)]
            command = [*LONGTAIL, "train", *given, "--config", str(self.config)]
            command += ["--out", str(run), "--vector-cache", str(self.vectors)]
            for setting in (f"seed={seed}", *self.settings):
                command += ["--set", setting]
            if (work_folder(run) / "job.json").exists():
                command.append("--resume")
            self._timed(name, command)
        return run

    def with_items(self, run: Path, items: pd.DataFrame, name: str) -> Path:
        """Return a copy of a run to which items were added by `longtail index add`."""
        catalog = self.work / f"{name}.items.parquet"
        items.to_parquet(catalog, index=False)
        return self.updated(run, ["index", "add"], ["--catalog", str(catalog)], name)

    def updated(self, run: Path, command: Sequence[str], options: Sequence[str], name: str) -> Path:
        """Return a copy of a run that a command of `longtail` has changed."""
        changed = self.work / name
        if not changed.exists():
            copy = self.work / f"{name}.part"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(run, copy)
            self._timed(name, [*LONGTAIL, *command, str(copy), *options])
            copy.rename(changed)
        return changed

    def seconds(self, name: str) -> float:
        """Return how long a run took to make, whenever that was."""
        return float(read_results(self.work / SECONDS).get(name, 0.0))

    def _timed(self, name: str, command: Sequence[str]) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        if subprocess.run(command, stdout=subprocess.DEVNULL, cwd=self.work).returncode:
            raise SystemExit(f"{' '.join(command)} failed")
        path = self.work / SECONDS
        known = read_results(path)
        write_results(path, {**known, name: round(time.monotonic() - began, 1)})
