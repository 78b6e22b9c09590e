"""`longtail index add`, `update`, `remove`: items that come, change and go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from longtail.commands.options import run_argument, vector_cache_option, wait_option, wait_s
from longtail.console.progress import progress_on_stderr
from longtail.console.remarks import on_stderr
from longtail.files.input_files import rejected_option
from longtail.files.reading_options import catalog_reading
from longtail.files.suspects_file import SuspectsFile, quarantine_options
from longtail.jobs.interrupts import when_stopped

if TYPE_CHECKING:
    from longtail.retrieval.data.files.dialect.reading import Reading
    from longtail.retrieval.progress import Progress
    from longtail.retrieval.run.served_run import ServedRun


@contextmanager
def when_changing(run: Path) -> Iterator[Progress]:
    """Yield a progress callback; say how to go on when the change of a run stops."""
    unchanged = f"{run} serves what it did; run the same command again"
    with when_stopped(unchanged), progress_on_stderr() as progress:
        yield progress


@contextmanager
def updating(run: Path) -> Iterator[tuple[ServedRun, Progress]]:
    """Yield the run as it is served, for the one writer that may change it now."""
    from longtail.jobs.runs.changing import changed_run

    with when_changing(run) as progress, changed_run(run, wait_s=wait_s()) as served:
        yield served, progress


@click.command()
@run_argument
@wait_option
@click.option(
    "--catalog",
    required=True,
    type=click.Path(path_type=Path),
    help="Catalog file of the new items alone.",
)
@catalog_reading
@rejected_option
@quarantine_options
@vector_cache_option
def add(
    run: Path,
    catalog: Path,
    reading: Reading,
    rejected_path: Path,
    suspects: SuspectsFile,
    vector_cache: Path | None,
) -> None:
    """Add new items to the catalog and the index of RUN.

    Their texts are read through RUN's item tower. They are cold: nobody has taken them yet. The
    next query finds them. An item that was removed comes back with what is known of it. Items that
    look made to game the engine are listed, and added all the same.
    """
    from longtail.jobs.runs.adding import ItemsJob, put_items

    job = ItemsJob(catalog, reading, rejected_path, suspects, vector_cache=vector_cache)
    with when_changing(run) as progress:
        published = put_items(run, job, wait_s=wait_s(), progress=progress, say=on_stderr)
    click.echo(published.line)


@click.command()
@run_argument
@wait_option
@click.option(
    "--catalog",
    required=True,
    type=click.Path(path_type=Path),
    help="Catalog file of the changed items; columns that it lacks stay as they are.",
)
@click.option("--add-missing", is_flag=True, help="Add items that the catalog doesn't have yet.")
@catalog_reading
@rejected_option
@quarantine_options
@vector_cache_option
def update(
    run: Path,
    catalog: Path,
    add_missing: bool,
    reading: Reading,
    rejected_path: Path,
    suspects: SuspectsFile,
    vector_cache: Path | None,
) -> None:
    """Change items in the catalog and the index of RUN.

    Texts that differ are read again through RUN's item tower, and checked as those of `longtail
    index add` are. An item keeps its popularity, its bucket and what the log says of it.
    """
    from longtail.jobs.runs.adding import ItemsJob, put_items

    job = ItemsJob(
        catalog,
        reading,
        rejected_path,
        suspects,
        new=add_missing,
        changed=True,
        vector_cache=vector_cache,
    )
    with when_changing(run) as progress:
        published = put_items(run, job, wait_s=wait_s(), progress=progress, say=on_stderr)
    click.echo(published.line)


listed_option = click.option(
    "--file",
    "listed",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Text file of item ids, one a line.",
)


@click.command()
@run_argument
@wait_option
@click.option("--items", metavar="ID,ID,...", help="Items to take out.")
@listed_option
def remove(run: Path, items: str | None, listed: Path | None) -> None:
    """Take items out of RUN: they are never an answer again.

    They still speak in the histories of those who took them, until `longtail index compact`
    forgets them. Their ids may be added again.
    """
    from longtail.retrieval.run.catalog_updates import removed

    ids = _chosen(items, listed)
    with updating(run) as (served, _):
        served = removed(served, ids)
        version = served.save(run)
    _report(run, version, served, f"{len(ids):,} removed")


@click.command()
@run_argument
@wait_option
@click.option("--items", metavar="ID,ID,...", help="Quarantined items to release.")
@listed_option
@click.option("--all", "every", is_flag=True, help="Release all quarantined items.")
def release(run: Path, items: str | None, listed: Path | None, every: bool) -> None:
    """Let quarantined items of RUN into answers: somebody has looked at them.

    Without options their ids are printed. To be rid of one instead, use `longtail index remove`.
    """
    from longtail.retrieval.run.quarantine import quarantined_ids, released

    if not every and items is None and listed is None:
        from longtail.retrieval.run.served_run import open_run

        for item_id in quarantined_ids(open_run(run)):
            click.echo(item_id)
        return
    if every and (items is not None or listed is not None):
        raise click.UsageError("give one of --items, --file and --all")
    ids = None if every else _chosen(items, listed, "--items, --file and --all")
    with updating(run) as (served, _):
        before = len(quarantined_ids(served))
        served = released(served, ids)
        version = served.save(run)
    _report(run, version, served, f"{before - len(quarantined_ids(served)):,} released")


def _chosen(items: str | None, listed: Path | None, ways: str = "--items and --file") -> list[str]:
    from longtail.files.id_files import ids_from_file

    if (items is None) == (listed is None):
        raise click.UsageError(f"give one of {ways}")
    if listed is not None:
        return ids_from_file(listed, "item")
    ids = list(dict.fromkeys(i.strip() for i in (items or "").split(",") if i.strip()))
    if not ids:
        raise click.BadParameter("there is no item id", param_hint="--items")
    return ids


def _report(run: Path, version: str, served: ServedRun, done: str) -> None:
    from longtail.jobs.runs.adding import version_line

    click.echo(version_line(run, version, served, done))
