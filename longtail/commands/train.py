"""`longtail train`: from two files to a run folder with its index."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from evaluation.splits import split
from index.errors import LongtailError
from longtail.inputs import input_options, make_inputs
from longtail.progress import progress_on_stderr
from longtail.settings_file import load_settings


class RunExistsError(LongtailError):
    """The run folder is there already, and nobody said that it may be replaced."""


@click.command()
@input_options
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings, YAML.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="e.g. history.epochs=2"
)
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Run folder."
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted training.")
@click.option("--overwrite", is_flag=True, help="Replace a run folder that is there.")
@click.option("-v", "--verbose", is_flag=True, help="Log every evaluation.")
def train(
    config: Path | None,
    overrides: tuple[str, ...],
    out: Path,
    resume: bool,
    overwrite: bool,
    verbose: bool,
    **given: Any,
) -> None:
    """Train both towers and the relevance head, and build the index.

    FOLDER holds items.* (or catalog.*) and interactions.*; or name the files. Everything is
    chosen on the valid part; the test part is stored for `longtail evaluate` and not read.
    """
    from longtail.summary import print_training_summary
    from training.fit import train_engine

    settings = load_settings(config, overrides)
    if out.exists() and not overwrite:
        raise RunExistsError(f"{out} is there already; give --overwrite to replace it")
    logging.getLogger("longtail").setLevel(logging.INFO if verbose else logging.WARNING)
    logging.basicConfig(format="%(message)s")
    inputs = make_inputs(**given)
    if inputs.template == "auto":
        inputs = replace(inputs, template=settings.data.template)
    with progress_on_stderr() as progress:
        catalog, log, rejected = inputs.read(progress)
        if len(rejected):
            click.echo(
                f"{len(rejected):,} rows were set aside; see {inputs.rejected_path}", err=True
            )
        parts = split(
            log,
            settings.data.split,
            valid_share=settings.data.valid_share,
            test_share=settings.data.test_share,
        )
        for warning in parts.warnings:
            click.echo(f"warning: {warning}", err=True)
        trained = train_engine(catalog, parts, settings, out, resume=resume, progress=progress)
    print_training_summary(trained)
