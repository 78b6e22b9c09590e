"""One evaluation of a run folder: engine and baselines, table, files and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from evaluation.baselines.content import ContentKNN
from evaluation.baselines.popularity import PopularityBaseline
from evaluation.baselines.random import RandomBaseline
from evaluation.engine import EngineRecommender, example_users, head_calibration
from evaluation.errors import EvaluationError
from evaluation.evaluator import evaluate
from evaluation.protocol import Baseline, Recommender
from evaluation.report import write_report
from evaluation.results import write_metrics
from evaluation.score_recommender import ScoreRecommender
from evaluation.table import comparison_table
from retrieval.bundle import Bundle
from retrieval.interactions import TEST, TRAIN, Histories
from retrieval.progress import Progress
from retrieval.retriever import Retriever
from retrieval.towers.item_tower import ItemTower
from retrieval.towers.whitening import fit_partial_whitening

# Debias strengths beside the default: the ends of the dial, and enough between for a curve.
DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)

# Asked for by default, also of catalogs with fewer items.
USUAL_LONGEST_K = 100


def evaluate_run(
    run: Path,
    baselines: Sequence[str],
    *,
    ks: Sequence[int],
    pools: Sequence[Any],
    examples: int,
    device: Any,
    progress: Progress,
) -> list[RenderableType]:
    """Write metrics.json, per_user.parquet and report.html, and return what the screen shows.

    Raises:
        EvaluationError: the run holds no test part, or a k is beyond all reason.
    """
    retriever = Retriever.open(run, device=device)
    bundle, ranking = retriever.bundle, retriever.ranking
    if max(ks) > max(len(bundle.catalog), USUAL_LONGEST_K):
        raise EvaluationError(
            f"k {max(ks)} is more than the catalog holds ({len(bundle.catalog):,} items); give "
            "smaller ones with -k"
        )
    log = bundle.log
    part = np.zeros(len(log), np.int8) if log.part is None else log.part
    test = log.select(part == TEST)
    if len(test.taken()) == 0:
        raise EvaluationError(
            f"{run} was trained on a log without a test part, so there is nothing to evaluate "
            "on; split it first with `longtail data split`"
        )
    known = Histories.from_interactions(log.select(part != TEST))
    strengths = sorted({*DIAL, bundle.serving.debias}, key=lambda d: (d != 0, d))
    recommenders: list[Recommender] = [EngineRecommender(ranking, d) for d in strengths]
    for name in baselines:
        method = _baseline(name, bundle, progress).fit(log.select(part == TRAIN), bundle.catalog)
        recommenders.append(ScoreRecommender(method, bundle.popularity))
    found = evaluate(
        recommenders, test, known, bundle.popularity, ks=ks, pools=pools, progress=progress
    )
    targets = Histories.from_interactions(test)
    default = bundle.serving.debias
    subject = EngineRecommender(ranking, default).name
    write_metrics(found, run)
    write_report(
        found,
        run / "report.html",
        popularity=bundle.popularity,
        calibration=head_calibration(ranking, known, targets, k=100, max_users=5_000, seed=0),
        examples=example_users(
            ranking, known, targets, debias=default, count=examples, k=10, seed=0
        ),
        example_debias=default,
        settings={"default debias": default, **dict(bundle.config)},
        title=f"Evaluation of {run.name}",
        subject=subject,
    )
    return [
        comparison_table(
            found, f"{escape(run.name)}: test part ({bundle.split_kind} split)", subject
        ),
        *(Text(f"note: {warning}") for warning in bundle.summary.get("notes", [])),
        Text(f"default debias: {default:g}; report: {run / 'report.html'}"),
    ]


def _baseline(name: str, bundle: Bundle, progress: Progress) -> Baseline:
    if name == "popularity":
        return PopularityBaseline()
    if name == "random":
        return RandomBaseline()
    return ContentKNN(_frozen_vectors(bundle, progress))


def _frozen_vectors(bundle: Bundle, progress: Progress) -> NDArray[np.float32]:
    """Return the catalog's vectors by the pretrained encoder, before any fine-tuning, whitened."""
    settings = bundle.config["item_tower"]
    tower = ItemTower.from_pretrained(settings["encoder"], settings["max_tokens"])
    pooled = tower.encode_pooled(
        tower.tokenise(bundle.catalog.texts()),
        precision=settings["precision"],
        progress=progress,
    )
    return fit_partial_whitening(pooled).apply(pooled)
