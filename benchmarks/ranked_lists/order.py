"""How much of a lead is the order of events; write benchmarks/results/order.json and print it.

Run:  python benchmarks/ranking.py order RUN ...

Test targets of users with a history, in two halves: those whose item id comes after that of the
user's newest item, and those whose id doesn't. Where a log has no clock times its events may stand
in the order of the ids, and whoever reads order then guesses the half; chance is one half. R@10 of
each half in the whole catalog at debias 0, beside recommenders that don't read the order of ids.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from report.markdown import rows_table
from report.results_file import read_results, results_path, write_results

from longtail.evaluation.baselines.registry import METHODS, Material
from longtail.evaluation.engine import EngineRecommender
from longtail.evaluation.protocol import Recommender
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.evaluation.targets import Targets
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import Bundle

RESULTS = results_path("order")
K = 10
RIVALS = ("ease-text", "rp3beta", "content-knn")


def recommenders(retriever: Retriever) -> Iterator[Recommender]:
    """Yield the engine and its rivals at their usual settings, fitted on the same parts."""
    bundle = retriever.bundle
    yield EngineRecommender(retriever.ranking, (0.0,))
    vectors = retriever.ranking.index.vectors(np.arange(len(bundle.catalog)))
    material = Material(lambda: vectors)
    assert bundle.log.part is not None
    last = VALID if bundle.config["refit"] else TRAIN
    learned = bundle.log.select(bundle.log.part <= last)
    for name in RIVALS:
        method = METHODS[name]
        baseline = method.make(material, method.grid[0]).fit(learned, bundle.catalog)
        yield ScoreRecommender(baseline, bundle.popularity)


def targets_and_histories(bundle: Bundle) -> tuple[Targets, Histories, NDArray[np.bool_]]:
    """Return the targets of users with a history, their histories, and which targets ascend."""
    log = bundle.log
    assert log.part is not None
    known = Histories.from_interactions(log.select(log.part < TEST))
    targets = Targets.from_test(log.select(log.part == TEST), known, len(bundle.catalog))
    some = np.diff(known.offsets) > 0
    kept = some[targets.users[targets.user]]
    users, user = np.unique(targets.users[targets.user[kept]], return_inverse=True)
    chosen = Targets(users, user.astype(np.int64), targets.item[kept])
    place = np.argsort(np.argsort(bundle.catalog.item_ids.astype(str)))
    newest = known.items[known.offsets[1:][users] - 1]
    ascends = place[chosen.item] > place[newest[chosen.user]]
    return chosen, known.take(users), ascends


def measured(run: Path) -> dict[str, object]:
    """Return the share of ascending targets, and what each recommender finds of both halves."""
    retriever = Retriever.open(run)
    targets, histories, ascends = targets_and_histories(retriever.bundle)
    rows = []
    for recommender in recommenders(retriever):
        lists = recommender.answers(histories, K, ("all",))[0.0, "all"]
        found = (lists[targets.user] == targets.item[:, None]).any(axis=1)
        rows.append(
            {
                "recommender": recommender.name,
                "all": float(found.mean()),
                "ascending": float(found[ascends].mean()),
                "descending": float(found[~ascends].mean()),
            }
        )
    return {"targets": len(ascends), "ascending": float(ascends.mean()), "recall": rows}


def main(words: list[str]) -> None:
    """Measure, print and write."""
    arguments = argparse.ArgumentParser("ranking.py order", description=__doc__.splitlines()[0])
    arguments.add_argument("runs", nargs="+", type=Path)
    for run in arguments.parse_args(words).runs:
        name = run.name.rsplit("-", 1)[0]
        found = measured(run)
        print(f"{name}: {found['ascending']:.3f} of {found['targets']} ascend")  # noqa: T201
        print(rows_table(found["recall"]))  # type: ignore[arg-type]  # noqa: T201
        write_results(RESULTS, read_results(RESULTS) | {name: found})
