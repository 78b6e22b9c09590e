"""One learning: from a log, and perhaps new items, to the next version of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longtail.console.remarks import Say
from longtail.files.log_files import LogFile
from longtail.files.new_items import forget_texts, read_items, with_items
from longtail.files.suspects_file import SuspectsFile
from longtail.jobs.runs.changing import changed_run
from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.data.suspects.user_bursts import new_bursts
from longtail.retrieval.progress import Progress
from longtail.training.learning import LearnedRun, learn_run


@dataclass(frozen=True)
class LearningJob:
    """What a run shall learn.

    Attributes:
        file: the log.
        suspects: where suspects are written, and whether they are kept out of answers.
        whole: whether the log is all of it, else what is new.
        catalog: a file of new and changed items, None without one.
        fresh_sequences: whether sequence towers are fitted anew.
        force: whether what is worse on the newest events is published.
        vector_cache: a folder that keeps the vectors of texts, None without one.
    """

    file: LogFile
    suspects: SuspectsFile
    whole: bool = False
    catalog: Path | None = None
    fresh_sequences: bool = False
    force: bool = False
    vector_cache: Path | None = None


def learn_log(
    run: Path, job: LearningJob, *, wait_s: float, progress: Progress, say: Say
) -> tuple[LearnedRun, Sequence[Finding]]:
    """Learn, publish, and return what was learned and who is suspected, which is on disk.

    Raises:
        LeaseError, LockedIndexError: another process changes the run.
        DataError: a file can't be used.
        LearnedWorseError: what was learned is worse on the newest events.
    """
    found: list[Finding] = []
    with changed_run(run, wait_s=wait_s) as served:
        if job.catalog is not None:
            items = read_items(
                job.catalog,
                served.bundle.catalog,
                reading=job.file.reading,
                rejected_path=job.file.rejected_path,
                progress=progress,
                say=say,
            )
            updated = with_items(
                served,
                items,
                run,
                progress,
                vector_cache=job.vector_cache,
                quarantine=job.suspects.quarantine,
                say=say,
            )
            served, found = updated.served, updated.suspects
        log = job.file.read(
            served,
            whole=job.whole,
            force=job.force,
            after_catalog=job.catalog is not None,
            progress=progress,
            say=say,
        )
        found += new_bursts(log, served.bundle.log, served.bundle.catalog.item_ids)
        job.suspects.write(found)
        learned = learn_run(
            run,
            log,
            served=served,
            fresh_sequences=job.fresh_sequences,
            force=job.force,
            progress=progress,
        )
        forget_texts(run)
    job.suspects.tell(found, run, say)
    return learned, found
