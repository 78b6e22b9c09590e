"""`longtail data`: look at the inputs before spending an hour on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from longtail.commands.convert import convert_command
from longtail.commands.options import split_option, wait_option, wait_s
from longtail.commands.parts.split import split_command, split_noted
from longtail.commands.parts.subset import subset_command
from longtail.console.console import stdout_console
from longtail.console.coverage_note import note_unknown_tokens
from longtail.console.data_tables import description_tables, split_table
from longtail.console.progress import progress_on_stderr
from longtail.console.remarks import on_stderr
from longtail.demo_shop.shop import make_demo_shop
from longtail.demo_shop.wording import WORDINGS
from longtail.files.input_files import (
    input_options,
    make_inputs,
    read_inputs,
)
from longtail.files.suspects_file import suspects_option
from longtail.jobs.token_counter import token_counter
from longtail.retrieval.data.describe import describe
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.errors import DataError
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER

encoder_option = click.option(
    "--encoder", default=DEFAULT_ENCODER, show_default=True, help="Counts tokens."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def data() -> None:
    """Validate, describe and split a catalog and a log, convert others, or make up a demo shop."""


data.add_command(convert_command)
data.add_command(split_command)
data.add_command(subset_command)


@data.command()
@input_options
@click.option("--strict", is_flag=True, help="Exit with 1 when any row is set aside.")
@suspects_option
@encoder_option
def validate(strict: bool, suspects_path: Path | None, encoder: str, **given: Any) -> None:
    """Say what can be read of the files, what is wrong with the rest, and what looks suspicious.

    FOLDER holds items.* (or catalog.*) and interactions.*, and perhaps users.* (or customers.*);
    or name the files. Where there is no log, --catalog alone.
    """
    from longtail.jobs.runs.validation import validated

    inputs = make_inputs(**given, needs_log=False)
    data = read_inputs(inputs)
    found = validated(inputs, data, encoder=encoder, suspects_path=suspects_path, say=on_stderr)
    for part in found.screen:
        if isinstance(part, Table):
            _print(part)
        else:
            click.echo(part)
    if strict and len(data.rejected):
        raise DataError(
            f"{len(data.rejected):,} rows were set aside and --strict was given; see "
            f"{inputs.rejected_path}"
        )


@data.command("describe")
@input_options
@split_option
@click.option("--bucket-rule", default="items:0.2", show_default=True, help="What is head.")
@encoder_option
@click.option(
    "--max-tokens",
    default=96,
    show_default=True,
    type=click.IntRange(1),
    help="Where the tower cuts a text.",
)
def describe_command(
    kind: Any, bucket_rule: str, encoder: str, max_tokens: int, **given: Any
) -> None:
    """Print sizes, the popularity curve, history lengths, and how many texts would be cut."""
    data = read_inputs(make_inputs(**given))
    catalog, log = data.catalog, data.log
    parts = split_noted(log, kind)
    counts = parts.train.user_counts(len(catalog))
    coverage, _ = note_unknown_tokens(encoder, catalog)
    description = describe(
        catalog,
        log,
        Popularity.from_counts(counts, catalog.item_ids, bucket_rule),
        tokenizer=None if coverage is None else token_counter(encoder),
        max_tokens=max_tokens,
        unknown_tokens=None if coverage is None else coverage.line(),
    )
    _print(*description_tables(description), split_table(parts, len(catalog)))


@data.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--items",
    default=3000,
    show_default=True,
    type=click.IntRange(100, 100_000),
    help="Items in the catalog.",
)
@click.option(
    "--users",
    default=4000,
    show_default=True,
    type=click.IntRange(10, 1_000_000),
    help="Customers.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Another number, another shop.",
)
@click.option(
    "--drift",
    is_flag=True,
    help="A year in which seasons come and go, hits fade and items rise, with long histories and "
    "FOLDER/users.csv.",
)
@click.option(
    "--language",
    type=click.Choice(list(WORDINGS)),
    default="en",
    show_default=True,
    help="What items are called and described in: English or Chinese.",
)
@click.option(
    "--behaviours",
    is_flag=True,
    help="Also what customers look at, put into carts and send back, in a column event.",
)
def synth(
    folder: Path,
    items: int,
    users: int,
    seed: int,
    drift: bool,
    language: str,
    behaviours: bool,
) -> None:
    """Write a made-up shop to try things on: FOLDER/catalog.csv and FOLDER/interactions.csv."""
    with progress_on_stderr() as progress:
        make_demo_shop(
            folder,
            n_items=items,
            n_users=users,
            seed=seed,
            drift=drift,
            behaviours=behaviours,
            progress=progress,
            language=language,
        )
    names = (
        ("catalog.csv", "interactions.csv", "users.csv")
        if drift
        else ("catalog.csv", "interactions.csv")
    )
    *others, last = (str(folder / name) for name in names)
    click.echo(f"wrote {', '.join(others)} and {last}")
    click.echo(f"next: longtail data describe {folder}", err=True)


@data.command()
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--with-log", is_flag=True, help="The interactions that RUN was trained with come first."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV file.")
@click.option(
    "--compact",
    is_flag=True,
    help="Make the files of events one, without the events that every log of RUN holds: that of "
    "its training and those that it has learned.",
)
@wait_option
def events(run: Path, with_log: bool, out: Path | None, compact: bool) -> None:
    """Write the events that the service of RUN has taken, as an interaction file.

    With --with-log it is all that the next `longtail train` needs. Columns: user_id, item_id,
    timestamp. With --compact, after --out if both are given, what RUN stores of events becomes
    smaller; not while a service has RUN.
    """
    if out is None and not compact:
        raise click.UsageError("give --out, --compact or both")
    if out is not None:
        from longtail.files.events_file import write_events

        logged, taken = write_events(run, out, with_log=with_log)
        before = f"{logged:,} interactions of the log, " if with_log else ""
        click.echo(f"{out}: {before}{taken:,} events")
    if compact:
        from longtail.jobs.event_compaction import compact_events

        done = compact_events(run, wait_s=wait_s())
        click.echo(
            f"{run}: {done.kept:,} events kept in one file of {done.files:,}, {done.dropped:,} "
            "dropped that the log holds"
        )


def _print(*tables: Table) -> None:
    console = stdout_console()
    for table in tables:
        console.print(table)
