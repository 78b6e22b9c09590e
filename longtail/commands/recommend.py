"""`longtail recommend`: recommendations for many users, into one Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.options import (
    answers_option,
    device_option,
    pool_option,
    request_options,
    run_argument,
)
from longtail.console.progress import progress_on_stderr
from longtail.console.wording import as_misuse
from longtail.files.input_files import (
    rejected_option,
)
from longtail.files.reading_options import as_trained, log_reading
from longtail.jobs.interrupts import when_stopped
from longtail.retrieval.data.files.dialect.reading import Reading


@click.command()
@run_argument
@click.option(
    "--users", type=click.Path(dir_okay=False, path_type=Path), help="User ids, one a line."
)
@click.option("--all", "everybody", is_flag=True, help="Every user of the interaction log.")
@click.option(
    "--histories",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Interaction file of users who need not be known.",
)
@log_reading
@rejected_option
@answers_option(100, "Answers a user; fewer where the pool holds no more.")
@pool_option("all")
@request_options
@device_option
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Parquet file."
)
def recommend(
    run: Path,
    users: Path | None,
    everybody: bool,
    histories: Path | None,
    reading: Reading,
    rejected_path: Path,
    device: Any,
    out: Path,
    **options: Any,
) -> None:
    """Write the top-k items of RUN for many users.

    Columns: user_id, item_id, rank, score, relevance, popularity_percentile, bucket, fallback (true
    where nothing is known of the user). A file at --out is replaced once the new one is complete.
    """
    from longtail.files.id_files import ids_from_file
    from longtail.files.recommendation_file import histories_from_file, write_answers
    from longtail.jobs.parallel_batches import UserBatch
    from longtail.retrieval.ranking.query import Query
    from longtail.retrieval.ranking.retriever import Retriever

    if sum([users is not None, everybody, histories is not None]) != 1:
        raise click.UsageError("give one of --users, --all and --histories")
    with as_misuse():
        request = Query(user="anybody", **options)
    retriever = Retriever.open(run, device=device)
    unchanged = f"nothing was written to {out}; run the same command again"
    with when_stopped(unchanged), progress_on_stderr() as progress:
        if histories is not None:
            taken = histories_from_file(
                histories,
                retriever.bundle.catalog,
                reading=as_trained(reading, retriever.bundle.config["data"]),
                rejected_path=rejected_path,
                progress=progress,
            )
            batch = UserBatch.of_histories(taken, retriever.bundle.catalog.item_ids, request)
        else:
            log = retriever.bundle.log
            ids = ids_from_file(users, "user") if users is not None else log.user_ids
            batch = UserBatch.of_users([str(user) for user in ids], request)
        written = write_answers(retriever, batch, out, progress)
    click.echo(f"{out}: {written.rows:,} recommendations for {len(batch):,} users")
    if written.noted_users:
        click.echo(
            f"note: {written.noted_users:,} users got fewer than {request.k} answers, or "
            "popular items for want of a history",
            err=True,
        )
