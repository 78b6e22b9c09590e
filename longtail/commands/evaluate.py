"""`longtail evaluate`: recall@k and its kin on the held-out test part."""

from __future__ import annotations

from pathlib import Path

import click

from longtail.commands.query import device_option, run_argument
from longtail.progress import progress_on_stderr

BASELINES = ("popularity", "random", "content-knn")


def _numbers(ctx: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers") from None
    if not numbers or min(numbers) < 1:
        raise click.BadParameter(f"{value!r} holds a number below 1")
    return numbers


@click.command()
@run_argument
@click.option(
    "--baselines",
    default="popularity,random,content-knn",
    show_default=True,
    metavar="all|none|NAME,...",
    help=f"Of {', '.join(BASELINES)}.",
)
@click.option("-k", "ks", default="5,10,20,50,100", show_default=True, callback=_numbers)
@click.option("--pool", "pools", default="all,tail", show_default=True, metavar="POOL,...")
@click.option("--examples", default=10, show_default=True, help="Example users in the report.")
@device_option
def evaluate(
    run: Path, baselines: str, ks: list[int], pools: str, examples: int, device: str
) -> None:
    """Rank the whole catalog for every test user of RUN, and compare.

    Prints the table; writes metrics.json, per_user.parquet and report.html into RUN.
    """
    from longtail.evaluation_run import evaluate_run

    names = {"all": list(BASELINES), "none": []}.get(baselines, baselines.split(","))
    if unknown := [name for name in names if name not in BASELINES]:
        raise click.BadParameter(
            f"no baseline {unknown[0]!r}; choose from {', '.join(BASELINES)}, all, none"
        )
    with progress_on_stderr() as progress:
        evaluate_run(
            run,
            names,
            ks=ks,
            pools=pools.split(","),
            examples=examples,
            device=device,
            progress=progress,
        )
