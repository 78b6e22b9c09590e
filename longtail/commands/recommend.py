"""`longtail recommend`: recommendations for many users, into one Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.query import (
    debias_option,
    device_option,
    exclude_option,
    run_argument,
    where_option,
)
from longtail.progress import progress_on_stderr

USERS_AT_ONCE = 4096


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
@click.option("-k", default=100, show_default=True, type=click.IntRange(1))
@click.option(
    "--pool",
    type=click.Choice(["tail", "cold", "head", "all"]),
    default="all",
    show_default=True,
)
@debias_option
@where_option
@exclude_option
@click.option("--include-seen", is_flag=True, help="Items of the history may come back.")
@device_option
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Parquet file."
)
def recommend(
    run: Path,
    users: Path | None,
    everybody: bool,
    histories: Path | None,
    device: Any,
    out: Path,
    **request: Any,
) -> None:
    """Write the top-k items of RUN for many users.

    Columns: user_id, item_id, rank, score, relevance, popularity_percentile, bucket.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from index.files import write_file_atomically
    from retrieval.errors import DataError
    from retrieval.interactions import Histories
    from retrieval.reading_interactions import read_interactions
    from retrieval.rejected import RejectedRows
    from retrieval.retriever import Retriever

    if sum([users is not None, everybody, histories is not None]) != 1:
        raise click.UsageError("give one of --users, --all and --histories")
    retriever = Retriever.open(run, device=device)
    if histories is not None:
        rejected = RejectedRows()
        log = read_interactions(histories, retriever.bundle.catalog, rejected=rejected)
        if len(rejected):
            click.echo(f"{len(rejected):,} rows of {histories} were set aside", err=True)
        asked = Histories.from_interactions(log)
    elif users is not None:
        try:
            names = [n for n in users.read_text(encoding="utf-8").splitlines() if n.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{users} can't be read as one user id a line: {error}") from error
        if not names:
            raise DataError(f"{users} holds no user id")
        asked = retriever.histories(names)
    else:
        asked = retriever.histories([str(user) for user in retriever.bundle.log.user_ids])
    rows, short = 0, 0
    with write_file_atomically(out) as temporary, progress_on_stderr() as progress:
        writer = None
        try:
            for start in range(0, len(asked), USERS_AT_ONCE):
                stop = min(start + USERS_AT_ONCE, len(asked))
                frame = retriever.recommend(histories=asked.take(np.arange(start, stop)), **request)
                short += len(frame.attrs["notes"])
                rows += len(frame)
                frame.attrs = {}
                table = pa.Table.from_pandas(frame, preserve_index=False)
                table = table.cast(
                    pa.schema(
                        [
                            f.with_type(pa.string()) if f.type == pa.null() else f
                            for f in table.schema
                        ]
                    )
                )
                writer = writer or pq.ParquetWriter(temporary, table.schema)
                writer.write_table(table.cast(writer.schema))
                progress("recommending", stop, len(asked))
        finally:
            if writer is not None:
                writer.close()
    click.echo(f"{out}: {rows:,} recommendations for {len(asked):,} users")
    if short:
        click.echo(
            f"{short:,} users got fewer than k answers, or popular items for want of a history",
            err=True,
        )
