"""Whether a folder may become, or be replaced by, a new run."""

from __future__ import annotations

import shutil
from pathlib import Path

from longtail.index.errors import LongtailError
from longtail.retrieval.data.events import EVENTS, NAME
from longtail.retrieval.run.bundle import work_folder


class RunExistsError(LongtailError):
    """Something is at --out already that nobody said may be replaced."""


def refuse_to_lose_events(run: Path, out: Path) -> None:
    """Refuse to replace a run whose service has taken events: they are nowhere else.

    Raises:
        RunExistsError: it has.
    """
    path = run / EVENTS / NAME
    if path.is_file() and path.stat().st_size:
        raise RunExistsError(
            f"{out} holds events that its service has taken; write them to a file with `longtail "
            f"data events`, then remove {path.parent}, or name another folder with --out"
        )


def prepare_run_folder(out: Path, *, resume: bool, overwrite: bool) -> Path:
    """Return the path for a new run, once nothing can be lost by writing there.

    An empty folder may be filled. A run, and the work of an interrupted training, are replaced
    with ``overwrite`` only; a folder that is no run never.

    Raises:
        RunExistsError: see above; the message says which option helps.
    """
    # ".", ".." and "x/" have no name of their own to put the working folder beside.
    run = out if out.name not in ("", "..") else out.resolve()
    if run.is_file():
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
    work = work_folder(run)
    if (work / "job.json").is_file() and not resume:
        if not overwrite:
            raise RunExistsError(
                f"{out} has an interrupted training; --resume goes on with it, --overwrite starts "
                "over"
            )
        shutil.rmtree(work)
    return run
