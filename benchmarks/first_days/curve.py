"""Recall by how much log there is: from a catalog alone to the whole log.

Run:  python benchmarks/first_days/curve.py DATA ... [--users 0,30,100,300,1000,3000,10000,all]
                                            [--work FOLDER] [--set KEY=VALUE ...] [--budget 60]

For each data folder and number of users an engine is trained on the catalog and the train and valid
parts of so many users, drawn once, the fewer among the more. Baselines are tuned and fitted on the
same. All are then asked for every test user of the whole log, by what that user took before, with
the pools of the whole log: the questions are the same at every point, and so is what the tail is.
Writes benchmarks/results/first_days_curve.json; points measured before stay.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from arriving_items.engines import Engines
from report.markdown import rows_table
from report.results_file import read_results, results_path, write_results

from longtail.evaluation.baselines.tuning import Budget
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.protocol import Recommender
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.files.folders.find_files import find_file
from longtail.jobs.baseline_runs import Rivals
from longtail.jobs.frozen_vectors import frozen_vectors
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, Interactions
from longtail.retrieval.data.popularity import Pool, Popularity
from longtail.retrieval.data.splits import split
from longtail.retrieval.progress import silent
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH, RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.retrieval.run.served_run import ServedRun, open_run

RESULTS = results_path("first_days_curve")
CONFIG = Path(__file__).parents[2] / "configs" / "cpu.yaml"
RIVALS = ("item-knn", "ease", "ease-text", "content-knn")
K = 10
MEASURES = {
    "R@10": "recall@10",
    "tail R": "tail_recall@10",
    "tail pool": "tail_pool_recall@10",
}
PARTS = ("train", "valid")
PACKAGES = ("torch", "faiss-cpu", "numpy", "lightgbm", "implicit")


@dataclass(frozen=True)
class AskedByHistory:
    """An engine, asked in pools that aren't its own."""

    ranking: RankingPipeline
    popularity: Popularity

    name = "longtail"
    strengths = (0.0,)

    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
        """Return catalog rows, best first, padded with -1, int64 [len(histories), k], of each."""
        answers = {(0.0, pool): np.full((len(histories), k), -1, np.int64) for pool in pools}
        for start in range(0, len(histories), USERS_PER_BATCH):
            part = histories.take(np.arange(start, min(start + USERS_PER_BATCH, len(histories))))
            state = self.ranking.user_state(part)
            for pool in pools:
                mask = self.popularity.in_pool(pool)
                eligible = Eligible("all", part.not_again(), mask)
                (ranked,) = self.ranking.rank(state, k, [Rerank("fixed", 0.0)], eligible)
                answers[0.0, pool][start : start + len(part)] = ranked.rows
        return answers


@dataclass(frozen=True)
class Shop:
    """A data folder, and the questions that its whole log asks."""

    folder: Path
    catalog: Catalog
    log: Interactions

    @classmethod
    def read(cls, folder: Path) -> Shop:
        """Return what lies in a data folder."""
        catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=RejectedRows())
        path = find_file(folder, ("interactions",))
        log = split(read_interactions(path, catalog, rejected=RejectedRows())).interactions
        return cls(folder, catalog, log)

    @property
    def popularity(self) -> Popularity:
        """Of the whole log's train part."""
        train = self.log.select(self.log.part == TRAIN)
        return Popularity.from_counts(train.user_counts(len(self.catalog)), self.catalog.item_ids)

    def written(self, users: int, folder: Path) -> Path:
        """Write the catalog and the log of so many users into a folder, without the test part."""
        folder.mkdir(parents=True, exist_ok=True)
        catalog = find_file(self.folder, ("items", "catalog"))
        (folder / catalog.name).write_bytes(catalog.read_bytes())
        drawn = np.random.default_rng(0).permutation(len(self.log.user_ids))[:users]
        log = self.log.select((self.log.part != TEST) & np.isin(self.log.user, drawn))
        columns = {
            "user_id": log.user_ids[log.user],
            "item_id": self.catalog.item_ids[log.item],
            "timestamp" if log.has_clock else "pos": log.time,
            "split": np.array(PARTS)[log.part],
        }
        pd.DataFrame(columns).to_parquet(folder / "interactions.parquet", index=False)
        return folder

    def tally(self, recommenders: Iterator[Recommender]) -> pd.DataFrame:
        """Return a line a recommender and test user."""
        test = self.log.select(self.log.part == TEST)
        known = Histories.from_interactions(self.log.select(self.log.part != TEST))
        found = evaluate(recommenders, test, known, self.popularity, ks=[K], pools=["all", "tail"])
        return found.per_user


def rivals(run: ServedRun, shop: Shop, vectors: NDArray[np.float32], budget: float) -> Rivals:
    """Return the baselines of the log that a run was trained on."""
    return Rivals(
        replace(run.bundle, popularity=shop.popularity),
        RIVALS,
        (0.0,),
        Budget(seconds=budget),
        seed=0,
        progress=silent,
        say=lambda _: None,
        text_vectors=lambda: vectors,
    )


def rows_of(per_user: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what each recommender finds, and what the engine finds more, with its interval."""
    by_name = {str(name): part for name, part in per_user.groupby("recommender", observed=True)}
    columns = list(MEASURES.values())
    engine = by_name.pop(AskedByHistory.name)[columns].to_numpy(np.float64)
    means = np.nanmean(engine, axis=0)
    rows: list[dict[str, Any]] = [
        {"recommender": AskedByHistory.name, **dict(zip(MEASURES, means.tolist(), strict=True))}
    ]
    for name, part in by_name.items():
        values = part[columns].to_numpy(np.float64)
        row: dict[str, Any] = {"recommender": name}
        row |= dict(zip(MEASURES, np.nanmean(values, axis=0).tolist(), strict=True))
        tested = paired_bootstrap(engine - values)
        for at, measure in enumerate(MEASURES):
            row[f"{measure}: more"] = [
                float(side[at]) for side in (tested.difference, tested.low, tested.high)
            ]
        rows.append(row)
    return rows


def measured(
    shop: Shop, users: int | None, engines: Engines, budget: float
) -> list[dict[str, Any]]:
    """Return the rows of one point; None users are all."""
    everybody = len(shop.log.user_ids)
    count = everybody if users is None else min(users, everybody)
    name = f"{shop.folder.name}-{count}"
    catalog = find_file(shop.folder, ("items", "catalog"))
    without = engines.trained(catalog, f"{shop.folder.name}-0")
    data = shop.written(count, engines.work / "data" / name) if count else None
    run = open_run(engines.trained(data, name) if data else without)
    ranking = RankingPipeline(run.bundle, run.index)
    first = open_run(without)
    vectors = frozen_vectors(first.bundle, first.index, silent)
    made = rivals(run, shop, vectors, budget)
    per_user = shop.tally(chain([AskedByHistory(ranking, shop.popularity)], made.made()))
    head = run.bundle.summary["relevance"]
    point = {
        "data": shop.folder.name,
        "users": count,
        "events": 0 if not count else len(run.bundle.log),
        "head": head["scorer"],
    }
    rows = [{**point, **row} for row in rows_of(per_user)]
    left_out = [
        {**point, "recommender": record["name"], "left out": record["left_out"]}
        for record in made.records
        if record["left_out"]
    ]
    return rows + left_out


def users_option(text: str) -> int | None:
    """Return a number of users; None for ``all``."""
    return None if text == "all" else int(text)


def main() -> None:
    """Measure, print, and write what each point found, as it comes."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--users", default="0,30,100,300,1000,3000,10000,all")
    parser.add_argument("--work", type=Path, default=Path("first-days-work"))
    parser.add_argument("--set", dest="settings", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of a baseline's tuning")
    given = parser.parse_args()
    work = given.work.resolve()
    engines = Engines(work, work / "vectors", CONFIG, tuple(given.settings))
    sizes = [users_option(text) for text in given.users.split(",")]
    for folder in given.data:
        shop = Shop.read(folder.resolve())
        for users in dict.fromkeys(sizes):
            rows = measured(shop, users, engines, given.budget)
            print(rows_table(rows), flush=True)  # noqa: T201
            kept(rows, given)


def kept(rows: list[dict[str, Any]], given: argparse.Namespace) -> None:
    """Write a point beside those measured before."""
    here = {(row["data"], row["users"]) for row in rows}
    before = read_results(RESULTS).get("rows", [])
    others = [row for row in before if (row["data"], row["users"]) not in here]
    content = {
        "subject": "first_days_curve",
        "machine": {"python": platform.python_version()},
        "settings": {"config": CONFIG.name, "set": given.settings, "budget": given.budget},
        "versions": {package: version(package) for package in PACKAGES},
        "rows": sorted([*others, *rows], key=lambda row: (row["data"], row["users"])),
    }
    write_results(RESULTS, content)


if __name__ == "__main__":
    main()
