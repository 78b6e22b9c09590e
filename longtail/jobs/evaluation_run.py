"""One evaluation of a run folder: engine and baselines, table, files and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from longtail.evaluation.baselines.tuning import Budget
from longtail.evaluation.engine import EngineRecommender, example_users, head_calibration
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.protocol import Recommender, debiased_name
from longtail.evaluation.report.history_table import history_table
from longtail.evaluation.report.report import Examples, write_report
from longtail.evaluation.report.result_files import write_metrics
from longtail.evaluation.report.table import comparison_table
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.jobs.baseline_runs import Rivals
from longtail.jobs.frozen_vectors import frozen_vectors
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.lease import Place

# Debias strengths beside the default: the ends of the dial, and enough between for a curve.
DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)

# Asked for by default, also of catalogs with fewer items.
USUAL_LONGEST_K = 100


@dataclass(frozen=True)
class EvaluatedRun:
    """An evaluation of a run that is on disk.

    Attributes:
        evaluation: the numbers.
        claims: what may be claimed of them.
        report: the page that was written.
        screen: what a command shows.
    """

    evaluation: Evaluation
    claims: Claims
    report: Path
    screen: Sequence[RenderableType]


def evaluate_run(
    run: Path,
    baselines: Sequence[str],
    *,
    ks: Sequence[int],
    pools: Sequence[Any],
    examples: int,
    budget: Budget | None,
    device: Any,
    progress: Progress,
    say: Callable[[str], None],
) -> EvaluatedRun:
    """Write metrics.json, per_user.parquet and report.html, and return what was found.

    ``budget`` is what each baseline may spend on its settings (None: the usual ones, untuned);
    ``say`` takes a line about each as it is ready.

    Raises:
        EvaluationError: the run holds no test part, or a k is beyond all reason.
        LeaseError: another folder has taken the run's place meanwhile; nothing was written.
    """
    place = Place.of(run)
    retriever = Retriever.open(run, device=device)
    bundle, ranking = retriever.bundle, retriever.ranking
    n_items = bundle.catalog.n_offered
    if max(ks) > max(n_items, USUAL_LONGEST_K):
        raise EvaluationError(
            f"k {max(ks)} is more than the catalog holds ({n_items:,} items); give smaller ones "
            "with -k"
        )
    log = bundle.log
    part = np.zeros(len(log), np.int8) if log.part is None else log.part
    # What was removed since can be nobody's answer: it is no target.
    test = log.select((part == TEST) & bundle.popularity.in_pool("all")[log.item])
    if len(test.taken()) == 0 and bundle.learned is not None:
        raise EvaluationError(
            f"{run} has learned its whole log with `longtail learn`, so nothing is held back to "
            f"evaluate on; go back with `longtail index rollback {run}`, or learn a log whose "
            "split column keeps a test part"
        )
    if len(test.taken()) == 0:
        raise EvaluationError(
            f"{run} was trained on a log without a test part, so there is nothing to evaluate "
            "on; split it first with `longtail data split`"
        )
    known = Histories.from_interactions(log.select(part != TEST))
    # Where everybody has a history there is nothing to stand in for.
    newcomers = (np.diff(known.offsets)[np.unique(test.taken().user)] == 0).any()
    strengths = sorted({*DIAL, bundle.serving.debias}, key=lambda d: (d != 0, d))
    engine: list[Recommender] = [EngineRecommender(ranking, tuple(strengths))]
    rivals = Rivals(
        bundle,
        baselines,
        DIAL,
        budget,
        seed=0,
        progress=progress,
        say=say,
        text_vectors=lambda: frozen_vectors(bundle, ranking.index, progress),
        fallback=EngineRecommender(ranking, DIAL) if newcomers else None,
    )
    evaluation = evaluate(
        chain(engine, rivals.made()),
        test,
        known,
        bundle.popularity,
        ks=ks,
        pools=pools,
        progress=progress,
    )
    evaluation = replace(evaluation, settings={**evaluation.settings, "baselines": rivals.records})
    targets = Histories.from_interactions(test)
    default = bundle.serving.debias
    subject = debiased_name(EngineRecommender.name, default)
    claims = Claims.of(evaluation, subject)
    place.check(run)
    write_metrics(evaluation, run, claims)
    report = write_report(
        evaluation,
        run / "report.html",
        popularity=bundle.popularity,
        calibration=head_calibration(ranking, known, targets, k=100, max_users=5_000, seed=0),
        examples=Examples(
            example_users(ranking, known, targets, debias=default, count=examples, k=10, seed=0),
            default,
        ),
        settings={"default debias": default, **dict(bundle.config)},
        title=f"Evaluation of {run.name}",
        claims=claims,
    )
    apart = history_table(evaluation, claims)
    screen: list[RenderableType] = [
        comparison_table(
            evaluation,
            f"{escape(run.name)}: test part ({bundle.split_kind} split)",
            claims=claims,
        ),
        *([apart] if apart else []),
        *(Text(f"note: {warning}") for warning in bundle.summary.get("notes", [])),
        *(
            Text(f"left out: {record['name']}: {record['left_out']}")
            for record in rivals.records
            if record["left_out"]
        ),
        *(
            Text(f"note: {record['name']}: {record['note']}")
            for record in rivals.records
            if record.get("note")
        ),
        Text(f"default debias: {default:g}; report: {report}"),
    ]
    return EvaluatedRun(evaluation, claims, report, screen)
