"""`longtail query`: the long-tail items for one user, one history, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.options import (
    answers_option,
    device_option,
    pool_option,
    request_options,
    run_argument,
)
from longtail.console.output import format_option, print_answers


@click.command()
@run_argument
@click.option("--user", help="A user of the interaction log.")
@click.option("--history", metavar="ID,ID,...", help="Items taken, oldest first.")
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
    device: Any,
    style: str,
    **request: Any,
) -> None:
    """Print the top-k items of RUN for a user, a history or a text."""
    from longtail.retrieval.ranking.retriever import Retriever

    if sum(given is not None for given in (user, history, text)) != 1:
        raise click.UsageError("give one of --user, --history and --text")
    if text is not None and not text.strip():
        raise click.BadParameter("the text is empty", param_hint="--text")
    if text is not None and not text.isascii() and text != text.encode(errors="replace").decode():
        raise click.BadParameter("the text is not UTF-8", param_hint="--text")
    if text is not None and (request["mode"] != "fixed" or request["diversity"] > 0):
        raise click.UsageError(
            "--debias-mode and --diversity rank by what a user took; --text has no history"
        )
    retriever = Retriever.open(run, device=device)
    asked: dict[str, Any] = {}
    if user is not None:
        asked["users"] = [user]
    elif history is not None:
        items = [item.strip() for item in history.split(",") if item.strip()]
        asked["histories"] = {"history": items}
    else:
        asked["texts"] = {"text": text}
    print_answers(retriever.recommend(**asked, **request), style, retriever.bundle.catalog)
