"""The lease of whoever changes what a run serves, for one change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from longtail.index.storage.lock import index_lock
from longtail.retrieval.errors import LeaseError

INDEX = "index"


@contextmanager
def changing(run: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a run for one change of what it serves, from reading it to publishing.

    A service goes on beside it. A thread that holds it may take it again, and does to publish.

    Raises:
        LockedIndexError: somebody else changes it, and did for ``wait_s`` seconds.
        StaleIndexError: it was taken before, and another folder has taken the run's place since.
        LeaseError: there is no such folder.
    """
    if not run.is_dir():
        raise LeaseError(f"{run} is no longer there; run the command again when it is")
    with index_lock(run / INDEX, wait_s=wait_s):
        yield
