"""`longtail similar`: items whose descriptions are nearest to one item's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.query import device_option, run_argument
from longtail.output import format_option, print_answers


@click.command()
@run_argument
@click.option("--item", required=True, help="An item of the catalog.")
@click.option(
    "-k",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Answers; fewer where the pool holds no more.",
)
@click.option(
    "--pool",
    type=click.Choice(["tail", "cold", "head", "all"]),
    default="all",
    show_default=True,
    help="tail: all but the most popular items; cold: items nobody took yet.",
)
@device_option
@format_option
def similar(run: Path, item: str, k: int, pool: Any, device: Any, style: str) -> None:
    """Print the k items of RUN that read most like an item."""
    from retrieval.retriever import Retriever

    retriever = Retriever.open(run, device=device)
    print_answers(retriever.similar(item, k=k, pool=pool), style, retriever.bundle.catalog)
