"""`longtail evaluate` as a call: the table as a frame, the pictures, and the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from longtail.python.argument_checks import many, number, path_of, text, whole_number
from longtail.python.failures import MisuseError, failures_for_python
from longtail.python.showing.progress import progress_for, remarks_for
from longtail.python.showing.screens import Screen, table_html

if TYPE_CHECKING:
    from longtail.jobs.evaluation_run import EvaluatedRun
    from longtail.python.engine import Engine
    from longtail.retrieval.progress import Progress

USUAL_BASELINES = ("popularity", "random", "content-knn")
USUAL_KS = (5, 10, 20, 50, 100)


class EvaluationReport:
    """What an evaluation found; a notebook shows the table and the picture of the dial.

    Attributes:
        table: the comparison, a line a method: the columns that the command prints.
        metrics: every number, a line a method and strength: ``recall@10``, ...
        per_user: one row a recommender and user, at `primary_k`.
        primary_k: the k of `table` and `per_user`.
        path: report.html in the run folder.
        screen: what the command prints.
        remarks: what was said meanwhile, a line each.
    """

    def __init__(self, evaluated: EvaluatedRun, screen: Screen, remarks: Sequence[str]) -> None:
        from longtail.evaluation.report.table import COLUMNS
        from longtail.evaluation.significance.compared_rows import table_rows

        evaluation = evaluated.evaluation
        names = table_rows(evaluation, evaluated.claims.subject)
        k = evaluation.primary_k
        self.table = pd.DataFrame(
            {
                f"{column.metric}@{k}": [evaluation.value(name, column.metric) for name in names]
                for column in COLUMNS
            },
            index=pd.Index(names, name="recommender"),
        )
        self.metrics = pd.DataFrame.from_dict(evaluation.metrics, orient="index")
        self.metrics.index.name = "recommender"
        self.per_user = evaluation.per_user
        self.primary_k = k
        self.path = evaluated.report
        self.screen = screen
        self.remarks = list(remarks)
        self._evaluated = evaluated

    def pictures(self) -> dict[str, str]:
        """Return the report's pictures as SVG, by name: ``trade_off`` and ``bands``.

        Raises:
            MisuseError: matplotlib isn't installed.
        """
        from longtail.evaluation.report.charts import bands_chart
        from longtail.evaluation.report.drawing import have_matplotlib
        from longtail.evaluation.report.trade_off_chart import trade_off_chart

        if not have_matplotlib():
            raise MisuseError("pictures need matplotlib; run `pip install 'longtail[eval]'`")
        evaluation, subject = self._evaluated.evaluation, self._evaluated.claims.subject
        colours = _colours()
        return {
            name: re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], svg)
            for name, svg in (
                ("trade_off", trade_off_chart(evaluation, subject)),
                ("bands", bands_chart(evaluation, subject)),
            )
        }

    def __str__(self) -> str:
        return str(self.screen)

    def __repr__(self) -> str:
        return f"EvaluationReport({len(self.table)} methods, {str(self.path)!r})"

    def _repr_html_(self) -> str:
        from longtail.evaluation.report.drawing import have_matplotlib

        table = table_html(self.table.round(4).reset_index())
        picture = self.pictures()["trade_off"] if have_matplotlib() else ""
        place = f"<div>report: {escape(str(self.path))}</div>"
        return f'{table}<div style="max-width:36rem;background:#fff">{picture}</div>{place}'


def evaluate(
    engine: Engine | str | Path,
    *,
    baselines: str | Sequence[str] = USUAL_BASELINES,
    k: int | Sequence[int] = USUAL_KS,
    pool: str | Sequence[str] = ("all", "tail"),
    examples: int = 10,
    tune: bool = True,
    budget_s: float = 300.0,
    progress: bool | Progress = True,
) -> EvaluationReport:
    """Rank the whole catalog for every test user of an engine, and compare with baselines.

    What `longtail evaluate` does, with its options as arguments: ``baselines`` are names, ``all``
    or ``none``. It writes metrics.json, per_user.parquet and report.html into the run folder.

    Raises:
        MisuseError: arguments that can't be meant.
        EvaluationError: the run holds no test part, or a k is beyond all reason.
    """
    from longtail.console.console import text_of
    from longtail.evaluation.baselines.tuning import Budget
    from longtail.jobs.evaluation_run import evaluate_run
    from longtail.jobs.runs.evaluation_choices import chosen_baselines, chosen_pools
    from longtail.training.tracking.tracked_evaluation import track_evaluation

    run = engine.run if hasattr(engine, "run") else path_of(engine, "engine")
    ks = many(k, "k", whole_number, alone=Integral)
    if not ks or min(ks) < 1:
        raise MisuseError(f"k is a whole number from 1 on, or a list of them, not {k!r}")
    remarks: list[str] = []
    with failures_for_python(going_on="no file is half-written; evaluate again"):
        rivals = chosen_baselines(many(baselines, "baselines", text, alone=str))
        pools = chosen_pools(many(pool, "pool", text, alone=str))
        with progress_for(progress) as bars:
            evaluated = evaluate_run(
                run,
                rivals,
                ks=ks,
                pools=pools,
                examples=whole_number(examples, "examples"),
                budget=Budget(seconds=number(budget_s, "budget_s")) if tune else None,
                device="cpu",
                progress=bars,
                say=remarks_for(progress, str, remarks),
            )
            track_evaluation(run, report=examples == 0)

    def show(console: object) -> None:
        for part in evaluated.screen:
            console.print(part)  # type: ignore[attr-defined]

    return EvaluationReport(evaluated, Screen(text_of(show, markup=True).rstrip()), remarks)


def _colours() -> dict[str, str]:
    """Return the colours of the report's light page by their names: a notebook has no such page."""
    from longtail.evaluation.report import report

    style = Path(report.__file__).with_name("report.css").read_text(encoding="utf-8")
    light = style.split("}", 1)[0]
    return {name: value.strip() for name, value in re.findall(r"(--[\w-]+):([^;]+);", light)}
