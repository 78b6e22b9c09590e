"""`longtail query`: the long-tail items for one user, one history, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.output import format_option, print_answers

run_argument = click.argument("run", type=click.Path(file_okay=False, path_type=Path))
pool_option = click.option(
    "--pool",
    type=click.Choice(["tail", "cold", "head", "all"]),
    default="tail",
    show_default=True,
    help="tail: all but the most popular items; cold: items nobody took yet.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="Where the index is searched.",
)
debias_option = click.option(
    "--debias",
    type=click.FloatRange(0, 1),
    help="0: most probable next item, 1: popularity taken out. Default: best in validation.",
)
where_option = click.option(
    "--where",
    multiple=True,
    metavar="CLAUSE",
    help="e.g. brand=OPI, 'price<20', categories~nail. Repeatable; all must hold.",
)
exclude_option = click.option(
    "--exclude", multiple=True, metavar="ITEM", help="Never return this item. Repeatable."
)


@click.command()
@run_argument
@click.option("--user", help="A user of the interaction log.")
@click.option("--history", metavar="ID,ID,...", help="Items taken, oldest first.")
@click.option("--text", help='Free text, e.g. "waterproof eyeliner under a hat".')
@click.option(
    "-k",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Answers; fewer where the pool holds no more.",
)
@pool_option
@debias_option
@where_option
@exclude_option
@click.option("--include-seen", is_flag=True, help="Items of the history may come back.")
@click.option(
    "--explain", is_flag=True, help="Add the rank without debiasing, and the items that carry it."
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
    from retrieval.retriever import Retriever

    if sum(given is not None for given in (user, history, text)) != 1:
        raise click.UsageError("give one of --user, --history and --text")
    if text is not None and not text.strip():
        raise click.BadParameter("the text is empty", param_hint="--text")
    if text is not None and not text.isascii() and text != text.encode(errors="replace").decode():
        raise click.BadParameter("the text is not UTF-8", param_hint="--text")
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
