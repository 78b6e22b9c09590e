"""`longtail learn`: what has happened since, learned without training anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.index.updates import updating
from longtail.commands.options import run_argument, vector_cache_option, wait_option
from longtail.files.input_files import rejected_option
from longtail.files.reading_options import log_reading
from longtail.files.suspects_file import SuspectsFile, quarantine_options
from longtail.retrieval.data.suspects.finding import Finding


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
    from longtail.files.new_items import forget_texts, read_items, with_items
    from longtail.retrieval.data.suspects.user_bursts import new_bursts
    from longtail.training.learning import learn_run

    file = LogFile(path, **how_read)
    found: list[Finding] = []
    with updating(run) as (served, progress):
        if catalog is not None:
            items = read_items(
                catalog,
                served.bundle.catalog,
                reading=file.reading,
                rejected_path=file.rejected_path,
                progress=progress,
            )
            updated = with_items(
                served,
                items,
                run,
                progress,
                vector_cache=vector_cache,
                quarantine=suspects.quarantine,
            )
            served, found = updated.served, updated.suspects
        log = file.read(
            served,
            whole=events is None,
            force=force,
            after_catalog=catalog is not None,
            progress=progress,
        )
        found += new_bursts(log, served.bundle.log, served.bundle.catalog.item_ids)
        suspects.write(found)
        learned = learn_run(
            run,
            log,
            served=served,
            fresh_sequences=fresh_sequences,
            force=force,
            progress=progress,
        )
        forget_texts(run)
    suspects.tell(found, run)
    print_learned(run, learned)
