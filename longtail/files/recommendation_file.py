"""Recommendations for many users, from a file of users into a Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from longtail.files.run_log import read_noted_log
from longtail.index.files import write_file_atomically
from longtail.jobs.parallel_batches import UserBatch, in_blocks
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.retriever import Retriever

# Fixed, not guessed from the first users: theirs may be no answers at all.
SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float32()),
        ("relevance", pa.float32()),
        ("popularity_percentile", pa.float32()),
        ("bucket", pa.string()),
        ("fallback", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Written:
    """How many rows a file of recommendations holds, and how many users have a note."""

    rows: int
    noted_users: int


def histories_from_file(
    path: Path,
    catalog: Catalog,
    *,
    reading: Reading,
    rejected_path: Path,
    progress: Progress,
) -> Histories:
    """Return the histories of an interaction file, whose users need not be known.

    Raises:
        DataError: the file can't be used; what was set aside is in ``rejected_path`` by then.
    """
    log = read_noted_log(
        path, catalog, reading=reading, rejected_path=rejected_path, progress=progress
    )
    return Histories.from_interactions(log)


def write_answers(retriever: Retriever, batch: UserBatch, out: Path, progress: Progress) -> Written:
    """Write the answers to a batch of users; ``out`` is the old file or the whole new one.

    Raises:
        DiskFullError, QueryError, UnknownUserError: nothing is written.
    """

    def answer(part: range) -> pd.DataFrame:
        names = [batch.names[i] for i in part]
        return retriever.frame(batch.queries(part), names)

    rows = noted = 0
    with (
        write_file_atomically(out) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, SCHEMA) as writer,
    ):
        for done, frame in in_blocks(len(batch), answer):
            noted += len(frame.attrs["notes"])
            rows += len(frame)
            # Notes are for people; pandas would store them in the file's metadata.
            frame.attrs = {}
            writer.write_table(pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False))
            progress("recommending", done, len(batch))
    return Written(rows, noted)
