"""`longtail index add`, `update`, `remove`: items that come, change and go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from longtail.commands.options import run_argument, vector_cache_option, wait_option, wait_s
from longtail.console.progress import progress_on_stderr
from longtail.files.input_files import rejected_option
from longtail.files.reading_options import catalog_reading
from longtail.files.suspects_file import SuspectsFile, quarantine_options
from longtail.jobs.interrupts import when_stopped

if TYPE_CHECKING:
    from longtail.retrieval.data.files.dialect.reading import Reading
    from longtail.retrieval.progress import Progress
    from longtail.retrieval.run.served_run import ServedRun


@contextmanager
def updating(run: Path) -> Iterator[tuple[ServedRun, Progress]]:
    """Yield the run as it is served, for the one writer that may change it now."""
    from longtail.retrieval.run.bundle import read_manifest
    from longtail.retrieval.run.lease import changing
    from longtail.retrieval.run.served_run import open_run

    read_manifest(run)  # says what is wrong with a folder that is no run
    unchanged = f"{run} serves what it did; run the same command again"
    with (
        when_stopped(unchanged),
        changing(run, wait_s=wait_s()),
        progress_on_stderr() as progress,
    ):
        yield open_run(run), progress


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
    from longtail.files.new_items import forget_texts, read_items, with_items
    from longtail.retrieval.run.catalog_updates import refuse_known

    with updating(run) as (served, progress):
        items = read_items(
            catalog,
            served.bundle.catalog,
            reading=reading,
            rejected_path=rejected_path,
            progress=progress,
        )
        refuse_known(served, [str(item) for item in items.item_ids])
        updated = with_items(
            served,
            items,
            run,
            progress,
            vector_cache=vector_cache,
            quarantine=suspects.quarantine,
        )
        suspects.write(updated.suspects)
        version = updated.served.save(run)
        forget_texts(run)
    suspects.tell(updated.suspects, run)
    _report(run, version, updated.served, f"{len(items):,} added")


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
    from longtail.files.new_items import forget_texts, read_items, with_items
    from longtail.retrieval.run.catalog_updates import known_rows

    with updating(run) as (served, progress):
        items = read_items(
            catalog,
            served.bundle.catalog,
            reading=reading,
            rejected_path=rejected_path,
            progress=progress,
            partial=not add_missing,
        )
        if not add_missing:
            known_rows(served, [str(item) for item in items.item_ids])
        updated = with_items(
            served,
            items,
            run,
            progress,
            vector_cache=vector_cache,
            quarantine=suspects.quarantine,
        )
        suspects.write(updated.suspects)
        served = updated.served
        version = served.save(run)
        forget_texts(run)
    suspects.tell(updated.suspects, run)
    done = f"{updated.known:,} updated ({updated.reread:,} texts read again)"
    _report(run, version, served, done + (f", {updated.fresh:,} added" if add_missing else ""))


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
    held = served.state.quarantined
    n_held = 0 if held is None else int(held.sum())
    offered = served.bundle.catalog.n_offered
    more = f", {n_held:,} of them quarantined" if n_held else ""
    click.echo(f"{run / 'index' / version}: {done}; {offered:,} items{more}")
