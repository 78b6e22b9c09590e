"""`longtail data split`: the log with its parts, fixed for every command after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.options import split_option
from longtail.console.console import stdout_console
from longtail.console.data_tables import split_table
from longtail.files.input_files import input_options, make_inputs, read_inputs
from longtail.files.parts.split_file import write_split
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.splits import Split, split


@click.command("split")
@input_options
@split_option
@click.option(
    "--valid-share", default=0.1, show_default=True, help="Share of the events, for temporal."
)
@click.option(
    "--test-share", default=0.1, show_default=True, help="Share of the events, for temporal."
)
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Parquet file."
)
def split_command(
    kind: Any, valid_share: float, test_share: float, out: Path, **given: Any
) -> None:
    """Write the log with a split column, which every command then takes as given."""
    data = read_inputs(make_inputs(**given))
    catalog = data.catalog
    parts = split_noted(data.log, kind, valid_share=valid_share, test_share=test_share)
    write_split(parts, catalog, out)
    stdout_console().print(split_table(parts, len(catalog)))
    click.echo(f"wrote {out}")


def split_noted(log: Interactions, kind: Any, **shares: float) -> Split:
    """Return the log split as asked, with its warnings on stderr."""
    parts = split(log, kind, **shares)
    for warning in parts.warnings:
        click.echo(f"warning: {warning}", err=True)
    return parts
