"""`longtail query`: the long-tail items for one user, one history, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.options import (
    answers_option,
    device_option,
    parse_user_columns,
    pool_option,
    request_options,
    run_argument,
    user_column_option,
)
from longtail.console.output import format_option, print_answers
from longtail.console.wording import as_misuse


@click.command()
@run_argument
@click.option("--user", help="A user of the interaction log.")
@click.option("--history", metavar="ID,ID,...", help="Items taken, oldest first.")
@user_column_option
@click.option("--text", help='Free text, e.g. "waterproof eyeliner under a hat".')
@answers_option(10, "Answers; fewer where the pool holds no more.")
@pool_option("tail")
@request_options
@click.option(
    "--explain",
    is_flag=True,
    help="Add the rank at debias 0 without diversity, and the items that carry the score.",
)
@device_option
@format_option
def query(
    run: Path,
    user: str | None,
    history: str | None,
    text: str | None,
    user_columns: tuple[str, ...],
    device: Any,
    style: str,
    **options: Any,
) -> None:
    """Print the top-k items of RUN for a user, a history or a text."""
    from longtail.retrieval.ranking.query import Query

    items = None if history is None else [i.strip() for i in history.split(",") if i.strip()]
    with as_misuse():
        columns = parse_user_columns(user_columns)
        request = Query(user=user, history=items, text=text, user_columns=columns, **options)

    from longtail.retrieval.ranking.retriever import Retriever

    retriever = Retriever.open(run, device=device)
    name = user if user is not None else request.subject
    print_answers(retriever.frame([request], [name]), style, retriever.bundle.catalog)
