"""The prior head's weights and calibration, by the validation part of logs that it never sees.

Run:  python benchmarks/first_days/prior.py DATA ... [--work FOLDER] [--users 2500]

For each data folder a run is trained on its catalog alone; copies learn the train part of 0, 300
and 3,000 users. Each answers users of the validation part, by their history in the train part,
from the whole catalog. Writes benchmarks/results/first_days.json, and prints by the weight of the
closed form the mean recall@10, that of targets in the tail, and Platt's scale and shift of the
runs that have learned nothing.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from report.markdown import rows_table
from report.results_file import results_path, write_results

from longtail.files.folders.find_files import find_file
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.splits import split
from longtail.retrieval.features.evidence_models import LEADING
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.run.served_run import open_run
from longtail.training.head.judging.platt import platt
from longtail.training.learning.learn import learn_run

COLUMNS = ("standard_cosine", f"{LEADING}.standard")
WEIGHTS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEARNED = (0, 300, 3_000)
K, CANDIDATES, TOGETHER = 10, 100, 250
HEAD_SHARE = 5  # a fifth of the items, the most taken of the train part
PACKAGES = ("torch", "faiss-cpu", "numpy")


@dataclass(frozen=True)
class Candidates:
    """The first stage's candidates of users, a row each.

    Attributes:
        columns: those of the prior head, float64 [n, 2].
        user: whose they are, int64 [n].
        taken: whether they are targets, bool [n].
        in_tail: whether they are of the tail, bool [n].
        targets: of each user, and those of the tail, int64 [users, 2].
    """

    columns: NDArray[np.float64]
    user: NDArray[np.int64]
    taken: NDArray[np.bool_]
    in_tail: NDArray[np.bool_]
    targets: NDArray[np.int64]

    def scores(self, weight: float) -> NDArray[np.float64]:
        """Return the mixture in which the closed form has this weight."""
        return self.columns @ np.array([1 - weight, weight])

    def recalls(self, weight: float) -> tuple[float, float]:
        """Return recall@`K` of all targets and of those in the tail, of users who have some."""
        order = np.lexsort((-self.scores(weight), self.user))
        user = self.user[order]
        place = np.arange(len(user)) - np.searchsorted(user, user)
        hit = self.taken[order] & (place < K)
        found = []
        for wanted, hits in zip(self.targets.T, (hit, hit & self.in_tail[order]), strict=True):
            count = np.bincount(user[hits], minlength=len(wanted))
            found.append(float((count[wanted > 0] / wanted[wanted > 0]).mean()))
        return found[0], found[1]


def candidates(run: Path, log: Interactions, users: int) -> Candidates:
    """Return the candidates of a run for users of a log's validation part."""
    served = open_run(run)
    pipeline = RankingPipeline(served.bundle, served.index)
    items = len(served.bundle.catalog)
    train, valid = (log.select(log.part == part) for part in (0, 1))
    known, wanted = Histories.from_interactions(train), Histories.from_interactions(valid)
    tail = np.ones(items, bool)
    tail[np.argsort(-train.user_counts(items), kind="stable")[: items // HEAD_SHARE]] = False
    both = np.flatnonzero((np.diff(known.offsets) > 0) & (np.diff(wanted.offsets) > 0))
    chosen = np.sort(np.random.default_rng(0).permutation(both)[:users])
    parts: list[tuple[NDArray[Any], ...]] = []
    for start in range(0, len(chosen), TOGETHER):
        some = chosen[start : start + TOGETHER]
        histories = known.take(some)
        state = pipeline.user_state(histories)
        rows = pipeline.candidates(state, CANDIDATES, Eligible("all", histories.not_again()))
        there = rows >= 0
        taken = np.stack([np.isin(r, wanted[u]) for r, u in zip(rows, some, strict=True)])
        user = np.repeat(np.arange(start, start + len(some)), there.sum(axis=1))
        columns = pipeline.features(state, rows, list(COLUMNS))[there]
        parts.append((columns.astype(np.float64), user, taken[there], tail[rows[there]]))
    new = [np.setdiff1d(wanted[user], known[user]) for user in chosen]
    targets = np.array([(len(rows), tail[rows].sum()) for rows in new])
    columns, user, taken, in_tail = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Candidates(columns, user, taken, in_tail, targets)


def untaught(data: Path, work: Path) -> Path:
    """Return a run of a catalog alone, trained where it isn't there yet."""
    run = work / data.name
    if not (run / "manifest.json").exists():
        catalog = find_file(data, ("items", "catalog"))
        command = (sys.executable, "-m", "longtail.cli", "train", "--catalog", str(catalog))
        subprocess.run((*command, "--out", str(run)), check=True, stdout=subprocess.DEVNULL)
    return run


def learned(run: Path, log: Interactions, users: int) -> Path:
    """Return a copy of a run that has learned the train part of some users."""
    if not users:
        return run
    copy = run.with_name(f"{run.name}-{users}")
    if not copy.exists():
        drawn = np.random.default_rng(1).permutation(len(log.user_ids))[:users]
        part = log.select((log.part == 0) & np.isin(log.user, drawn))
        there, user = np.unique(part.user, return_inverse=True)
        part = replace(part, part=None, user=user.astype(np.int32), user_ids=part.user_ids[there])
        shutil.copytree(run, unfinished := copy.with_name(f"{copy.name}.part"))
        learn_run(unfinished, part, force=True)
        unfinished.rename(copy)
    return copy


def measured(data: Path, work: Path, users: int) -> list[dict[str, Any]]:
    """Return the rows of a data folder."""
    run = untaught(data, work)
    catalog = open_run(run).bundle.catalog
    path = find_file(data, ("interactions",))
    log = split(read_interactions(path, catalog, rejected=RejectedRows())).interactions
    rows = []
    for taught in LEARNED:
        found = candidates(learned(run, log, taught), log, users)
        for weight in WEIGHTS:
            recall, tail_recall = found.recalls(weight)
            scale, shift = platt(found.scores(weight).astype(np.float32), found.taken)
            row = {"data": data.name, "learned users": taught, "closed form": weight}
            rows.append(
                {**row, "R@10": recall, "tail R": tail_recall, "scale": scale, "shift": shift}
            )
    return rows


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean recalls of each weight; its calibration is of what learned nothing."""
    table = []
    for weight in WEIGHTS:
        alike = [row for row in rows if row["closed form"] == weight]
        bare = [row for row in alike if not row["learned users"]]
        mean = {n: float(np.mean([row[n] for row in alike])) for n in ("R@10", "tail R")}
        line = {n: float(np.mean([row[n] for row in bare])) for n in ("scale", "shift")}
        table.append({"closed form": weight, **mean, **line})
    return table


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, default=Path("first-days-work"))
    parser.add_argument("--users", type=int, default=2_500)
    given = parser.parse_args()
    rows = [row for data in given.data for row in measured(data, given.work, given.users)]
    content = {
        "subject": "first_days",
        "machine": {"python": platform.python_version()},
        "settings": {"users": given.users, "candidates": CANDIDATES, "part": "valid"},
        "versions": {package: version(package) for package in PACKAGES},
        "means": means(rows),
        "rows": rows,
    }
    write_results(results_path("first_days"), content)
    print(rows_table(content["means"]))  # noqa: T201


if __name__ == "__main__":
    main()
