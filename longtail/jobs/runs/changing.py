"""A run folder that somebody is about to change: opened as it is served, for one writer alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from longtail.retrieval.run.bundle import read_manifest
from longtail.retrieval.run.lease import changing
from longtail.retrieval.run.served_run import ServedRun, open_run


@contextmanager
def changed_run(run: Path, *, wait_s: float) -> Iterator[ServedRun]:
    """Yield the run as it is served, for the one writer that may change it now.

    Raises:
        BundleError: the folder is no run.
        LeaseError, LockedIndexError: another process has it, and had for ``wait_s`` seconds.
    """
    read_manifest(run)  # says what is wrong with a folder that is no run
    with changing(run, wait_s=wait_s):
        yield open_run(run)
