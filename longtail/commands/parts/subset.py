"""`longtail data subset`: a smaller log of the same form, and its part of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from longtail.files.input_files import input_options, make_inputs, read_inputs
from longtail.files.parts.subset_file import WRITTEN, write_item_rows, write_log_rows
from longtail.retrieval.data.cuts.split_rule import moment_of
from longtail.retrieval.data.cuts.subset import Subset, chosen_events


def _moment(context: click.Context, option: click.Parameter, given: str | None) -> int | None:
    if given is None:
        return None
    if (moment := moment_of(given)) is None:
        raise click.BadParameter(f"{given!r} is no date; write it like 2024-01-31")
    return moment


def _written(context: click.Context, option: click.Parameter, given: Path | None) -> Path | None:
    if given is not None and given.suffix.lower() not in WRITTEN:
        raise click.BadParameter(f"{given} is not one of {', '.join(WRITTEN)}")
    return given


@click.command("subset")
@input_options
@click.option(
    "--since", callback=_moment, metavar="DATE", help="Events from this day or moment on."
)
@click.option("--until", callback=_moment, metavar="DATE", help="Events before this one.")
@click.option(
    "--user-share",
    type=click.FloatRange(0, 1, min_open=True),
    help="This share of the users, e.g. 0.1.",
)
@click.option("--newest", type=click.IntRange(1), metavar="N", help="The N latest events.")
@click.option(
    "--core",
    default=0,
    type=click.IntRange(0),
    metavar="K",
    help="Users who took at least K items, and items that at least K users took: the k-core.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws other users."
)
@click.option(
    "--out",
    required=True,
    callback=_written,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The log: .csv, .tsv, .jsonl or .parquet.",
)
@click.option(
    "--catalog-out",
    callback=_written,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The catalog's rows with the items that are left.",
)
def subset_command(out: Path, catalog_out: Path | None, **options: Any) -> None:
    """Write a part of a log in its own columns: some days, users, the newest events, the k-core.

    What is asked for is done in this order. Rows that can't be used are left out, as everywhere.
    """
    names = ("since", "until", "user_share", "newest", "core", "seed")
    subset = Subset(**{name: options.pop(name) for name in names})
    inputs = make_inputs(**options)
    for path in (out, catalog_out):
        if path is not None and path.exists() and path.samefile(inputs.log):
            raise click.UsageError(f"{path} is the log itself; name another file")
        if path is not None and path.exists() and path.samefile(inputs.catalog):
            raise click.UsageError(f"{path} is the catalog itself; name another file")
    data = read_inputs(inputs)
    catalog, log = data.catalog, data.log
    keep = chosen_events(log, subset)
    write_log_rows(inputs.log, inputs.reading, data.rows[keep], out)
    items, users = np.unique(log.item[keep]), np.unique(log.user[keep])
    click.echo(
        f"{out}: {int(keep.sum()):,} of {len(log):,} events, {len(users):,} of "
        f"{len(log.user_ids):,} users, {len(items):,} of {len(catalog):,} items"
    )
    if catalog_out is not None:
        write_item_rows(inputs.catalog, inputs.reading, catalog.item_ids[items], catalog_out)
        click.echo(f"{catalog_out}: {len(items):,} items")
