"""`longtail data convert`: files of a public layout in our own columns, ready for training."""

from __future__ import annotations

from pathlib import Path

import click

from longtail.console.progress import progress_on_stderr
from longtail.layouts.convert import convert
from longtail.layouts.registry import LAYOUTS

_MOST_NAMES = 5


@click.command("convert")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES..."
)
@click.option(
    "--from",
    "layout",
    required=True,
    type=click.Choice(list(LAYOUTS)),
    help="The layout of the files.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for items.parquet and interactions.parquet.",
)
def convert_command(paths: tuple[Path, ...], layout: str, out: Path) -> None:
    """Write files of a public layout again in our own columns, ready for `longtail train`.

    FILES are the files of the layout, or folders that hold them; each is told by its content and
    its name, and may be gzipped. Writes items.parquet, interactions.parquet and, where something
    is known of the users, users.parquet. Lines that can't be read are counted and passed over.
    docs/layouts.md says what is read of each layout, and what is lost.
    """
    with progress_on_stderr() as progress:
        result = convert(layout, paths, out, progress)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    if result.unused:
        more = len(result.unused) - _MOST_NAMES
        names = ", ".join(path.name for path in result.unused[:_MOST_NAMES])
        click.echo(f"note: not used: {names}{f' and {more} more' if more > 0 else ''}", err=True)
    written = (f"{out / f'{table}.parquet'} ({rows:,} rows)" for table, rows in result.rows.items())
    click.echo(f"wrote {', '.join(written)}")
    click.echo(f"next: longtail data validate {out}", err=True)
