"""New items for a run, from a catalog file to the next version of its index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from longtail.console.remarks import Say
from longtail.files.new_items import Updated, forget_texts, read_items, with_items
from longtail.files.suspects_file import SuspectsFile
from longtail.jobs.runs.changing import changed_run
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.catalog_updates import known_rows, refuse_known
from longtail.retrieval.run.served_run import ServedRun


@dataclass(frozen=True)
class ItemsJob:
    """A catalog file for a run that stands.

    Attributes:
        catalog, reading, rejected_path: the file, how it is read, and where its bad rows go.
        suspects: where suspects are written, and whether they are kept out of answers.
        new, changed: whether it may hold items that the run lacks, and that it has.
        vector_cache: a folder that keeps the vectors of texts, None without one.
    """

    catalog: Path
    reading: Reading
    rejected_path: Path
    suspects: SuspectsFile
    new: bool = True
    changed: bool = False
    vector_cache: Path | None = None


@dataclass(frozen=True)
class Published:
    """The version that is served now, what it holds of the file, and this in one line."""

    version: str
    updated: Updated
    line: str


def put_items(
    run: Path, job: ItemsJob, *, wait_s: float, progress: Progress, say: Say
) -> Published:
    """Publish a run with these items, read through its item tower; suspects are on disk then.

    Raises:
        LeaseError, LockedIndexError: another process changes the run.
        DataError: the file can't be used.
        UnknownItemError, CatalogError: it holds items that it may not hold.
    """
    with changed_run(run, wait_s=wait_s) as served:
        items = read_items(
            job.catalog,
            served.bundle.catalog,
            reading=job.reading,
            rejected_path=job.rejected_path,
            progress=progress,
            partial=not job.new,
            say=say,
        )
        ids = [str(item) for item in items.item_ids]
        if not job.changed:
            refuse_known(served, ids)
        if not job.new:
            known_rows(served, ids)
        updated = with_items(
            served,
            items,
            run,
            progress,
            vector_cache=job.vector_cache,
            quarantine=job.suspects.quarantine,
            say=say,
        )
        job.suspects.write(updated.suspects)
        version = updated.served.save(run)
        forget_texts(run)
    job.suspects.tell(updated.suspects, run, say)
    return Published(
        version, updated, version_line(run, version, updated.served, _done(job, updated))
    )


def _done(job: ItemsJob, updated: Updated) -> str:
    added = f"{updated.fresh:,} added"
    if not job.changed:
        return added
    done = f"{updated.known:,} updated ({updated.reread:,} texts read again)"
    return f"{done}, {added}" if job.new else done


def version_line(run: Path, version: str, served: ServedRun, done: str) -> str:
    """Return what was ``done`` to a run and which version it has now, in one line."""
    held = served.state.quarantined
    n_held = 0 if held is None else int(held.sum())
    more = f", {n_held:,} of them quarantined" if n_held else ""
    offered = served.bundle.catalog.n_offered
    return f"{run / 'index' / version}: {done}; {offered:,} items{more}"
