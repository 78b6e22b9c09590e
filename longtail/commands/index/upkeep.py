"""`longtail index compact`, `rollback`, `refresh`: the same items, kept in order."""

from __future__ import annotations

from pathlib import Path

import click

from longtail.commands.index.updates import updating
from longtail.commands.options import run_argument, wait_option, wait_s
from longtail.files.input_files import (
    rejected_option,
)
from longtail.files.reading_options import as_trained, log_reading
from longtail.jobs.interrupts import when_stopped
from longtail.retrieval.data.files.dialect.reading import Reading


@click.command()
@run_argument
@wait_option
def compact(run: Path) -> None:
    """Forget removed items of RUN, and merge the segments that updates have left.

    Removed items are gone from the users' histories too, and no longer found as seen.
    """
    from longtail.retrieval.run.catalog_updates import compacted

    with updating(run) as (served, _):
        forgotten = len(served.bundle.catalog) - served.bundle.catalog.n_offered
        before = len(served.index.segments)
        served = compacted(served)
        version = served.save(run)
    click.echo(
        f"{run / 'index' / version}: {forgotten:,} removed items forgotten, {before:,} segments "
        f"made {len(served.index.segments):,}; {served.bundle.catalog.n_offered:,} items"
    )


@click.command()
@run_argument
@wait_option
@click.option(
    "--version",
    metavar="vNNNN",
    help="The version to serve; `longtail index info` lists them. Default: the one before.",
)
def rollback(run: Path, version: str | None) -> None:
    """Serve an earlier version of RUN's index, with the catalog as it was then."""
    from longtail.index.storage.store import rollback as serve_again
    from longtail.retrieval.run.bundle import read_manifest
    from longtail.retrieval.run.served_run import open_run

    read_manifest(run)
    with when_stopped(f"run `longtail index info {run}` to see what is served"):
        name = serve_again(run / "index", version, wait_s=wait_s())
        served = open_run(run)
    click.echo(f"{run / 'index' / name} is served; {served.bundle.catalog.n_offered:,} items")


@click.command()
@run_argument
@wait_option
@click.option(
    "--interactions",
    required=True,
    type=click.Path(path_type=Path),
    help="The whole interaction log as it is now, not only what is new.",
)
@log_reading
@rejected_option
def refresh(
    run: Path,
    interactions: Path,
    reading: Reading,
    rejected_path: Path,
) -> None:
    """Count popularity anew, in another interaction log, for RUN.

    Counts, head, tail and cold, and what debias works on are drawn from that log; of one with a
    split column, from its train part. No text is read again and nothing is trained: vectors,
    evidence, the relevance head and the users' histories stay as they were.
    """
    from longtail.files.run_log import read_noted_log
    from longtail.retrieval.run.catalog_updates import moves, refreshed

    with updating(run) as (served, progress):
        log = read_noted_log(
            interactions,
            served.bundle.catalog,
            reading=as_trained(reading, served.bundle.config["data"]),
            rejected_path=rejected_path,
            progress=progress,
        )
        before = served.bundle.popularity
        served = refreshed(served, log)
        version = served.save(run)
    after = served.bundle.popularity
    sizes = ", ".join(f"{count:,} {name}" for name, count in after.sizes().items())
    moved = ", ".join(
        f"{count:,} from {old} to {new}" for (old, new), count in moves(before, after).items()
    )
    click.echo(f"{run / 'index' / version}: {len(log):,} interactions; {sizes}")
    click.echo(f"moved: {moved or 'no item'}")
