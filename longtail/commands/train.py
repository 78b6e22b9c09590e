"""`longtail train`: from two files to a run folder with its index."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from longtail.commands.options import vector_cache_option
from longtail.inputs import input_options, make_inputs, note_set_aside
from longtail.progress import progress_on_stderr
from longtail.stopped_work import when_stopped


@click.command()
@input_options
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings, YAML.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Wins over the file, e.g. history.epochs=2. Repeatable.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted training.")
@click.option("--overwrite", is_flag=True, help="Replace a run, or start an interrupted one over.")
@vector_cache_option
@click.option("-v", "--verbose", is_flag=True, help="Log every evaluation.")
def train(
    config: Path | None,
    overrides: tuple[str, ...],
    out: Path,
    resume: bool,
    overwrite: bool,
    vector_cache: Path | None,
    verbose: bool,
    **given: Any,
) -> None:
    """Train both towers and the relevance head, and build the index.

    FOLDER holds items.* (or catalog.*) and interactions.*; or name the files. Everything is
    chosen on the valid part; the test part is stored for `longtail evaluate` and not read.
    """
    # Not at the top: `longtail -h` must not wait for torch.
    from evaluation.splits import split
    from longtail.run_folder import prepare_run_folder
    from longtail.settings_file import load_settings
    from longtail.summary import print_training_summary
    from retrieval.towers.backends.choice import check_backend
    from retrieval.towers.weights import resolve_encoder
    from training.fit import train_engine
    from training.stages import training_device

    # What can be refused is refused before an hour of work, not after it.
    settings = load_settings(config, overrides)
    resolve_encoder(settings.item_tower.encoder)
    check_backend(settings.item_tower.backend, training_device())
    inputs = make_inputs(**given)
    if inputs.template == "auto":
        inputs = replace(inputs, template=settings.data.template)
    run = prepare_run_folder(out, resume=resume, overwrite=overwrite)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("longtail").setLevel(logging.INFO if verbose else logging.WARNING)
    going_on = f"nothing was written to {out}; the same command with --resume goes on"
    with when_stopped(going_on), progress_on_stderr() as progress:
        catalog, log, rejected = inputs.read(progress)
        note_set_aside(rejected, inputs.rejected_path)
        parts = split(
            log,
            settings.data.split,
            valid_share=settings.data.valid_share,
            test_share=settings.data.test_share,
        )
        for warning in parts.warnings:
            click.echo(f"warning: {warning}", err=True)
        trained = train_engine(
            catalog,
            parts,
            settings,
            run,
            resume=resume,
            vector_cache=vector_cache,
            progress=progress,
        )
    print_training_summary(trained)
