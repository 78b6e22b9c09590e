"""`longtail evaluate`: recall@k and its kin on the held-out test part."""

from __future__ import annotations

from pathlib import Path

import click

from longtail.commands.options import device_option, run_argument
from longtail.console.console import stdout_console
from longtail.console.progress import progress_on_stderr
from longtail.console.wording import as_misuse
from longtail.jobs.interrupts import when_stopped
from longtail.jobs.runs.evaluation_choices import (
    BASELINES,
    POOLS,
    chosen_baselines,
    chosen_pools,
)


def _numbers(ctx: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers") from None
    if min(numbers) < 1:
        raise click.BadParameter(f"{value!r} holds a number below 1")
    return numbers


@click.command()
@run_argument
@click.option(
    "--baselines",
    default="popularity,random,content-knn",
    show_default=True,
    metavar="all|none|NAME,...",
    help=f"Rivals, of {', '.join(BASELINES)}.",
)
@click.option(
    "-k",
    "ks",
    default="5,10,20,50,100",
    show_default=True,
    callback=_numbers,
    metavar="K,...",
    help="Lengths of the lists measured.",
)
@click.option(
    "--pool",
    "pools",
    default="all,tail",
    show_default=True,
    metavar="POOL,...",
    help=f"Of {', '.join(POOLS)}; all is always measured.",
)
@click.option(
    "--examples",
    default=10,
    show_default=True,
    type=click.IntRange(0),
    help="Example users in the report.",
)
@click.option(
    "--tune/--no-tune",
    default=True,
    show_default=True,
    help="Choose each baseline's settings on the validation part, or take the usual ones.",
)
@click.option(
    "--budget",
    default=300.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="For the tuning of each baseline; at most 8 settings, the first always completes.",
)
@device_option
def evaluate(
    run: Path,
    baselines: str,
    ks: list[int],
    pools: str,
    examples: int,
    tune: bool,
    budget: float,
    device: str,
) -> None:
    """Rank the whole catalog for every test user of RUN, and compare.

    Prints the table; writes metrics.json, per_user.parquet and report.html into RUN.
    """
    with as_misuse():
        rivals = chosen_baselines(baselines.split(","))
        pool_names = chosen_pools(pools.split(","))
    from longtail.evaluation.baselines.tuning import Budget
    from longtail.jobs.evaluation_run import evaluate_run
    from longtail.training.tracking.tracked_evaluation import track_evaluation

    unchanged = "no file is half-written; run the same command again"
    with when_stopped(unchanged), progress_on_stderr() as progress:
        evaluated = evaluate_run(
            run,
            rivals,
            ks=ks,
            pools=pool_names,
            examples=examples,
            budget=Budget(seconds=budget) if tune else None,
            device=device,
            progress=progress,
            say=lambda line: click.echo(line, err=True),
        )
        # Example users are people: a report that shows some stays here.
        track_evaluation(run, report=examples == 0)
    # Not before the progress bars are gone: both write to the same terminal.
    console = stdout_console(markup=True)
    for part in evaluated.screen:
        console.print(part)
