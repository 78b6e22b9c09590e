"""A log read beside the catalog of a run, with the care that training takes."""

from __future__ import annotations

from pathlib import Path

from longtail.console.remarks import Say, on_stderr
from longtail.files.input_files import note_set_aside
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.losses.loss_limit import refuse_loss
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.kept_columns import with_kept_columns
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.progress import Progress


def read_run_log(
    path: Path, catalog: Catalog, *, reading: Reading, rejected: RejectedRows, progress: Progress
) -> Interactions:
    """Return the log of a file, as `read_interactions` does; ``columns.yaml`` beside it counts.

    Raises:
        DataError: the file can't be used, or more of it than may be is set aside.
    """
    reading = with_kept_columns(reading, (path,))
    log = read_interactions(path, catalog, reading=reading, rejected=rejected, progress=progress)
    refuse_loss(path, reading, rejected, catalog)
    return log


def read_noted_log(
    path: Path,
    catalog: Catalog,
    *,
    reading: Reading,
    rejected_path: Path,
    progress: Progress,
    say: Say = on_stderr,
) -> Interactions:
    """Return the log of a file; what was set aside is on disk by then, and said.

    Raises:
        DataError: as `read_run_log` says; what was set aside is on disk then, too.
    """
    rejected = RejectedRows()
    try:
        log = read_run_log(path, catalog, reading=reading, rejected=rejected, progress=progress)
    finally:
        rejected.replace(rejected_path)
    note_set_aside(rejected, rejected_path, say)
    return log
