"""`longtail index`: build, inspect and verify a run's index."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from rich.table import Table

from longtail.commands.options import run_argument
from longtail.progress import progress_on_stderr
from longtail.screen import stdout_console
from longtail.stopped_work import when_stopped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def index() -> None:
    """Build, inspect and verify the index of a run folder."""


@index.command()
@run_argument
@click.option("--resume", is_flag=True, help="Use the vectors of an interrupted build.")
def build(run: Path, resume: bool) -> None:
    """Read the catalog through RUN's item tower and publish a new index version."""
    from index.store import save_index
    from retrieval.bundle import open_bundle, work_folder
    from retrieval.embedding import embed_catalog
    from training.fit import build_index

    bundle = open_bundle(run)
    work = work_folder(run / "index")
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    reading = bundle.config["item_tower"]
    unchanged = (
        f"{run} serves the index it had; `longtail index build {run} --resume` goes on from the "
        "vectors made so far"
    )
    with when_stopped(unchanged), progress_on_stderr() as progress:
        pooled = embed_catalog(
            bundle.item_tower,
            bundle.item_tower.tokenise(bundle.catalog.texts()),
            work,
            precision=reading["precision"],
            batch_size=reading["batch_size"],
            progress=progress,
        )
        version = save_index(build_index(bundle, pooled), run / "index")
    shutil.rmtree(work, ignore_errors=True)
    click.echo(f"{run / 'index' / version}: {len(bundle.catalog):,} items")


@index.command()
@run_argument
def info(run: Path) -> None:
    """Print what the index of RUN holds."""
    from index.store import index_info
    from retrieval.bundle import read_manifest

    read_manifest(run)  # says what is wrong with a folder that is no run
    _print_info(index_info(run / "index"))


@index.command()
@run_argument
def verify(run: Path) -> None:
    """Check every file of RUN, bundle and index, against its recorded sha256."""
    from index.store import verify_index
    from retrieval.bundle import open_bundle, open_bundle_index

    open_bundle(run)
    open_bundle_index(run)
    found = verify_index(run / "index")
    click.echo(f"{run}: every file is as it was written; index {found.version}")


def _print_info(found: object) -> None:
    from dataclasses import asdict

    table = Table(show_header=False, show_edge=False, pad_edge=False)
    for name, value in asdict(found).items():  # type: ignore[call-overload]
        if isinstance(value, dict):
            value = ", ".join(f"{key} {count}" for key, count in value.items())
        elif isinstance(value, (list, tuple)):
            value = ", ".join(str(part) for part in value)
        table.add_row(name.replace("_", " "), str(value))
    stdout_console().print(table)
