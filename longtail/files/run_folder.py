"""Whether a folder may become, or be replaced by, a new run."""

from __future__ import annotations

import shutil
from pathlib import Path

from longtail.index.errors import LongtailError
from longtail.retrieval.run.bundle import work_folder
from longtail.retrieval.run.lease import TrainingLease, refuse_to_lose_events


class RunExistsError(LongtailError):
    """Something is at --out already that nobody said may be replaced."""


def prepare_run_folder(lease: TrainingLease, out: Path, *, resume: bool, overwrite: bool) -> Path:
    """Return the path for a new run, once nothing can be lost by writing there.

    An empty folder may be filled. A run, and the work of an interrupted training, are replaced
    with ``overwrite`` only; a folder that is no run, or is served or holds events, never. The
    ``lease`` asks again when the new run takes the place.

    Raises:
        RunExistsError: see above; the message says which option helps.
        LeaseError: a service has the run, or has taken events.
    """
    run = lease.out
    if run.is_symlink():
        raise RunExistsError(f"{out} is a link that leads nowhere; name a folder with --out")
    if run.exists() and not run.is_dir():
        raise RunExistsError(f"{out} is a file; name a folder with --out")
    if run.is_dir() and any(run.iterdir()):
        if not (run / "manifest.json").is_file():
            raise RunExistsError(
                f"{out} holds something else than a run (no manifest.json), so it isn't "
                "replaced; name another folder with --out"
            )
        if not overwrite:
            raise RunExistsError(
                f"{out} is there already; name another folder with --out, or give --overwrite to "
                "replace it"
            )
        refuse_to_lose_events(run, out)
        lease.refuse_served()
    work = work_folder(run)
    if (work / "job.json").is_file() and not resume:
        if not overwrite:
            raise RunExistsError(
                f"{out} has an interrupted training; --resume goes on with it, --overwrite starts "
                "over"
            )
        shutil.rmtree(work)
    return run
