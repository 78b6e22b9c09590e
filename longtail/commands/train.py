"""`longtail train`: from two files to a run folder with its index."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
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
from longtail.console.progress import progress_on_stderr
from longtail.console.remarks import Say, on_stderr
from longtail.files.input_files import Inputs, input_options, make_inputs
from longtail.jobs.interrupts import when_stopped

if TYPE_CHECKING:
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
    from longtail.console.training.profile_table import print_profile
    from longtail.console.training.training_summary import print_training_summary
    from longtail.jobs.runs.training import TrainingJob, train_run
    from longtail.training.profile import UNMEASURED, MeasuringProfile

    settings, inputs = _settings_and_inputs(options, given, on_stderr)
    job = TrainingJob(
        inputs,
        settings,
        options.out,
        resume=options.resume,
        overwrite=options.overwrite,
        vector_cache=options.vector_cache,
        profile=MeasuringProfile() if options.profile else UNMEASURED,
    )
    logging.basicConfig(format="%(message)s")
    logging.getLogger("longtail").setLevel(logging.INFO if options.verbose else logging.WARNING)
    going_on = f"nothing was written to {options.out}; the same command with --resume goes on"
    with when_stopped(going_on), progress_on_stderr() as progress:
        done = train_run(
            job, wait_s=wait_s(), progress=progress, say=on_stderr, processes=processes
        )
    print_training_summary(done.trained, done.remarks)
    if options.profile:
        print_profile(done.trained.bundle.summary["profile"])


def _help(options: Options, given: dict[str, Any], processes: Processes) -> None:
    from longtail.jobs.distributed_worker import help_training

    # Whatever there is to refuse, the first process refuses before it tells.
    run = Path(processes.tell(None))
    settings, inputs = _settings_and_inputs(options, given, lambda line: None)
    help_training(inputs, settings, run, processes, resume=options.resume)


def _settings_and_inputs(
    options: Options, given: dict[str, Any], say: Say
) -> tuple[TrainingSettings, Inputs]:
    from longtail.jobs.runs.training import settings_and_inputs

    inputs = make_inputs(**given, needs_log=False)
    return settings_and_inputs(options.config, options.overrides, inputs, say)
