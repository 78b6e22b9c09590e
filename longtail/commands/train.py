"""`longtail train`: from two files to a run folder with its index."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longtail.commands.options import (
    config_option,
    set_option,
    vector_cache_option,
    wait_option,
    wait_s,
)
from longtail.console.coverage_note import note_unknown_tokens
from longtail.console.progress import progress_on_stderr
from longtail.files.input_files import (
    Inputs,
    input_options,
    make_inputs,
    note_set_aside,
    set_aside_lines,
)
from longtail.files.reading_options import as_set
from longtail.jobs.interrupts import when_stopped

if TYPE_CHECKING:
    from longtail.retrieval.run.lease import TrainingLease
    from longtail.training.processes import Processes
    from longtail.training.settings import TrainingSettings


@click.command()
@input_options
@config_option
@set_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted training.")
@click.option("--overwrite", is_flag=True, help="Replace a run, or start an interrupted one over.")
@click.option(
    "--profile", is_flag=True, help="Also show where the time of each step and stage went."
)
@vector_cache_option
@wait_option
@click.option("-v", "--verbose", is_flag=True, help="Log every evaluation.")
def train(
    config: str | None,
    overrides: tuple[str, ...],
    out: Path,
    resume: bool,
    overwrite: bool,
    profile: bool,
    vector_cache: Path | None,
    verbose: bool,
    **given: Any,
) -> None:
    """Train both towers and the relevance head, and build the index.

    FOLDER holds items.* (or catalog.*) and interactions.*, and perhaps users.* (or customers.*);
    or name the files. Everything is chosen on the valid part; the test part is stored for
    `longtail evaluate` and not read. Without a log (--catalog alone) texts say what goes together,
    until `longtail learn` knows more.

    On several GPUs: torchrun --nproc-per-node 8 -m longtail train ...
    """
    # Not at the top: `longtail -h` must not wait for torch.
    from longtail.training.processes import ProcessLostError, joined_processes

    options = Options(config, overrides, out, resume, overwrite, profile, vector_cache, verbose)
    try:
        with joined_processes() as processes:
            if processes.first:
                _train(options, given, processes)
            else:
                _help(options, given, processes)
    except ProcessLostError:
        # One line is enough; the first process has it, or is gone and had its own.
        if not processes.first:
            sys.exit(1)
        raise


@dataclass(frozen=True)
class Options:
    """The command's options but those that say what to read."""

    config: str | None
    overrides: tuple[str, ...]
    out: Path
    resume: bool
    overwrite: bool
    profile: bool
    vector_cache: Path | None
    verbose: bool


def _train(options: Options, given: dict[str, Any], processes: Processes) -> None:
    from longtail.retrieval.run.lease import training

    # What can be refused is refused before an hour of work, not after it.
    settings, inputs = _settings_and_inputs(options, given)
    with training(options.out, wait_s=wait_s()) as lease:
        _train_in_place(options, settings, inputs, lease, processes)


def _train_in_place(
    options: Options,
    settings: TrainingSettings,
    inputs: Inputs,
    lease: TrainingLease,
    processes: Processes,
) -> None:
    from longtail.console.files_read.columns_read import columns_lines, columns_read, text_lines
    from longtail.console.training.profile_table import print_profile
    from longtail.console.training.training_summary import print_training_summary
    from longtail.files.run_folder import prepare_run_folder
    from longtail.retrieval.data.splits import split
    from longtail.settings.told_settings import with_told
    from longtail.training.profile import UNMEASURED, MeasuringProfile
    from longtail.training.train import train_engine

    out = options.out
    run = prepare_run_folder(lease, out, resume=options.resume, overwrite=options.overwrite)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("longtail").setLevel(logging.INFO if options.verbose else logging.WARNING)
    measured = MeasuringProfile() if options.profile else UNMEASURED
    going_on = f"nothing was written to {out}; the same command with --resume goes on"
    with when_stopped(going_on), progress_on_stderr() as progress:
        with measured.section("reading files"):
            data = inputs.read(progress)
        for line in (*columns_lines(columns_read(inputs, data)), *text_lines(data.catalog)):
            click.echo(line, err=True)
        note_set_aside(data.rejected, inputs.rejected_path)
        settings = with_told(settings, data.rejected)
        _, unknown = note_unknown_tokens(settings.item_tower.encoder, data.catalog)
        parts = split(
            data.log,
            settings.data.split,
            valid_share=settings.data.valid_share,
            test_share=settings.data.test_share,
        )
        for warning in parts.warnings:
            click.echo(f"warning: {warning}", err=True)
        # From here on the other processes work with this one.
        processes.tell(str(run))
        trained = train_engine(
            data.catalog,
            replace(parts, users=data.users),
            settings,
            run,
            resume=options.resume,
            vector_cache=options.vector_cache,
            progress=progress,
            profile=measured,
            processes=processes,
        )
    set_aside = set_aside_lines(data.rejected, inputs.rejected_path)
    print_training_summary(trained, [*set_aside, *unknown])
    if options.profile:
        print_profile(trained.bundle.summary["profile"])


def _help(options: Options, given: dict[str, Any], processes: Processes) -> None:
    from longtail.jobs.distributed_worker import help_training

    # Whatever there is to refuse, the first process refuses before it tells.
    run = Path(processes.tell(None))
    settings, inputs = _settings_and_inputs(options, given, first=False)
    help_training(inputs, settings, run, processes, resume=options.resume)


def _settings_and_inputs(
    options: Options, given: dict[str, Any], *, first: bool = True
) -> tuple[TrainingSettings, Inputs]:
    from longtail.retrieval.towers.backends.choice import check_backend
    from longtail.retrieval.towers.text.weights import resolve_encoder
    from longtail.settings.settings_file import load_settings
    from longtail.settings.shipped import name_for_this_machine
    from longtail.training.stages.stages import training_device

    config = options.config or name_for_this_machine()
    settings = load_settings(config, options.overrides)
    if options.config is None and first:
        click.echo(f"settings: {config} (shipped); see `longtail settings`", err=True)
    resolve_encoder(settings.item_tower.encoder)
    check_backend(settings.item_tower.backend, training_device())
    inputs = make_inputs(**given, needs_log=False)
    if inputs.reading.template == "auto":
        reading = replace(inputs.reading, template=settings.data.template)
        inputs = replace(inputs, reading=reading)
    told = as_set(inputs.reading, settings.data.model_dump())
    # What options say of the log is a setting of the run from here on.
    data = settings.data.changed(events=dict(told.events), positive=told.positive, keep=told.keep)
    return settings.changed(data=data), replace(inputs, reading=told)
