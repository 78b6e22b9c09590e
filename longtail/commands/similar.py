"""`longtail similar`: items whose descriptions are nearest to one item's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.options import answers_option, device_option, pool_option, run_argument
from longtail.console.output import format_option, print_answers


@click.command()
@run_argument
@click.option("--item", required=True, help="An item of the catalog.")
@answers_option(10, "Answers; fewer where the pool holds no more.")
@pool_option("all")
@device_option
@format_option
def similar(run: Path, item: str, k: int, pool: Any, device: Any, style: str) -> None:
    """Print the k items of RUN that read most like an item."""
    from longtail.retrieval.ranking.retriever import Retriever

    retriever = Retriever.open(run, device=device)
    print_answers(retriever.similar(item, k=k, pool=pool), style, retriever.bundle.catalog)
