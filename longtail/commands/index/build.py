"""`longtail index`: build, inspect, verify and update the index of a run."""

from __future__ import annotations

from pathlib import Path

import click

from longtail.commands.index.updates import add, release, remove, update
from longtail.commands.index.upkeep import compact, refresh, rollback
from longtail.commands.options import run_argument, vector_cache_option, wait_option, wait_s
from longtail.console.console import stdout_console
from longtail.console.progress import progress_on_stderr
from longtail.jobs.interrupts import when_stopped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def index() -> None:
    """Build, inspect, verify and update the index of a run folder."""


for command in (add, update, remove, release, compact, rollback, refresh):
    index.add_command(command)


@index.command()
@run_argument
@wait_option
@click.option(
    "--read-texts",
    "reread",
    is_flag=True,
    help="Read all texts again, also where the index that is served is whole and has the vectors.",
)
@click.option("--resume", is_flag=True, help="Use the vectors of an interrupted build.")
@click.option(
    "--structure",
    metavar="auto|exact|hnsw|FACTORY",
    help="How pools are searched: auto takes an inverted file from some 200,000 items a pool; "
    "FACTORY is a FAISS factory string. Default: as trained.",
)
@click.option(
    "--target-recall",
    type=click.FloatRange(0.5, 0.999),
    help="Share of the exact first 10 that must be found, on user vectors. Default: as trained.",
)
@click.option(
    "--storage",
    type=click.Choice(["float32", "float16"]),
    help="How vectors are stored; float16 takes half the memory. Default: as trained.",
)
@click.option(
    "--trained-catalog",
    is_flag=True,
    help="Start again from the catalog as it was trained: give up all updates.",
)
@vector_cache_option
def build(
    run: Path,
    reread: bool,
    resume: bool,
    structure: str | None,
    target_recall: float | None,
    storage: str | None,
    trained_catalog: bool,
    vector_cache: Path | None,
) -> None:
    """Publish a new index version of RUN's catalog, items added since training included.

    Vectors are taken from the index that is served; where it is damaged, missing, or of another
    item tower, the texts are read through RUN's. Removed items are forgotten.
    """
    from longtail.files.new_items import forget_texts
    from longtail.jobs.index_rebuild import rebuild
    from longtail.retrieval.run.bundle import read_manifest
    from longtail.retrieval.run.lease import changing

    read_manifest(run)  # says what is wrong with a folder that is no run
    chosen = {"structure": structure, "target_recall": target_recall, "storage": storage}
    again = f"longtail index build {run}{' --read-texts' if reread else ''} --resume"
    unchanged = f"{run} serves the index it had; `{again}` goes on from the vectors made so far"
    with (
        when_stopped(unchanged),
        changing(run, wait_s=wait_s()),
        progress_on_stderr() as progress,
    ):
        if not resume:
            forget_texts(run)
        rebuilt = rebuild(
            run,
            {name: value for name, value in chosen.items() if value is not None},
            trained_catalog=trained_catalog,
            reread=reread,
            vector_cache=vector_cache,
            progress=progress,
        )
    origin = "" if rebuilt.texts_read else ", with the vectors of the index served before"
    click.echo(f"{run / 'index' / rebuilt.version}: {rebuilt.items:,} items{origin}")


@index.command()
@run_argument
def info(run: Path) -> None:
    """Print what the index of RUN holds."""
    from longtail.console.index_tables import info_tables
    from longtail.retrieval.run.bundle import read_manifest

    read_manifest(run)  # says what is wrong with a folder that is no run
    for table in info_tables(run):
        stdout_console().print(table)


@index.command()
@run_argument
def verify(run: Path) -> None:
    """Check every file of RUN, bundle and index, against its recorded sha256."""
    from longtail.index.storage.store import verify_index
    from longtail.retrieval.run.bundle import verify_bundle
    from longtail.retrieval.run.served_run import open_run

    if open_run(run).bundle.learned is not None:
        verify_bundle(run)  # what was trained isn't served now; a rollback would
    verified = verify_index(run / "index")
    click.echo(f"{run}: every file is as it was written; index {verified.version}")
