"""`longtail learn`: what has happened since, learned without training anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.index.updates import when_changing
from longtail.commands.options import run_argument, vector_cache_option, wait_option, wait_s
from longtail.console.remarks import on_stderr
from longtail.files.input_files import rejected_option
from longtail.files.reading_options import log_reading
from longtail.files.suspects_file import SuspectsFile, quarantine_options


@click.command()
@run_argument
@click.option(
    "--interactions",
    type=click.Path(path_type=Path),
    help="The whole interaction log as it is now.",
)
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    help="Only what is new, on top of the log that RUN holds: an interaction file, or the "
    "service's own RUN/events/events.jsonl.",
)
@click.option(
    "--catalog",
    type=click.Path(path_type=Path),
    help="Catalog file of new and changed items, published in the same step.",
)
@click.option(
    "--fresh-sequences",
    is_flag=True,
    help="Fit sequence towers anew, as in training, and not from where they were: slower, and "
    "the same to the bit as training's own refit.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Publish what is worse on the newest events, and learn from a log that ends earlier.",
)
@log_reading
@rejected_option
@quarantine_options
@vector_cache_option
@wait_option
def learn(
    run: Path,
    interactions: Path | None,
    events: Path | None,
    catalog: Path | None,
    fresh_sequences: bool,
    force: bool,
    suspects: SuspectsFile,
    vector_cache: Path | None,
    **how_read: Any,
) -> None:
    """Learn what has happened since RUN was trained: a day's habit.

    Item-to-item weights, history offsets, sequence towers, popularity, histories and the clock are
    fitted on the log as it is now, with the dials of the training. The text encoder and the
    relevance head stay; its calibration is fitted when a twentieth of the log is new to it. What
    was learned is measured first on events that RUN hasn't seen, and published if it is no worse;
    `longtail index rollback` takes it back. A service swaps it in while running. Groups of users
    who took the same few items, and whom the log of RUN didn't have, are listed with the suspects.
    """
    path = interactions or events
    if path is None or None not in (interactions, events):
        raise click.UsageError("give one of --interactions and --events")
    from longtail.console.training.learned_table import print_learned
    from longtail.files.log_files import LogFile
    from longtail.jobs.runs.learning import LearningJob, learn_log

    job = LearningJob(
        LogFile(path, **how_read),
        suspects,
        whole=events is None,
        catalog=catalog,
        fresh_sequences=fresh_sequences,
        force=force,
        vector_cache=vector_cache,
    )
    with when_changing(run) as progress:
        learned, _ = learn_log(run, job, wait_s=wait_s(), progress=progress, say=on_stderr)
    print_learned(run, learned)
