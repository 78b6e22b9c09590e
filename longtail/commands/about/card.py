"""`longtail card`: a model card for a run, on the screen, in a file or on a model hub."""

from __future__ import annotations

from pathlib import Path

import click

from longtail.commands.options import run_argument


@click.command()
@run_argument
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Markdown file; without it the card goes to stdout.",
)
@click.option(
    "--push",
    "repo",
    metavar="OWNER/NAME",
    help="Also upload the item tower and the card, and nothing else of RUN, to the Hugging Face "
    "hub: into a private repository, or into one that is there.",
)
def card(run: Path, out: Path | None, repo: str | None) -> None:
    """Write a model card for RUN: data sizes, training, results, intended use, limits.

    It holds no id and no text of an item. RUN itself isn't changed.
    """
    from longtail.card.model_card import model_card
    from longtail.card.push import push_item_tower
    from longtail.index.files import write_file_atomically

    text = model_card(run)
    if out is None:
        click.echo(text, nl=False)
    else:
        with write_file_atomically(out) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if repo is not None:
        click.echo(f"uploaded to {push_item_tower(run, text, repo)}", err=True)
