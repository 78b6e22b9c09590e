"""The lease of the one service of a run."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import Field
from longtail.index.storage.file_lock import FileLock, HeldError, is_held
from longtail.retrieval.errors import LeaseError
from longtail.retrieval.run.lease.place import beside, holder_here

SERVING = ".serving"


@dataclass(eq=False)
class ServingLease:
    """What a service holds as long as it runs: its events and histories are this run's alone."""

    run: Path
    _lock: FileLock
    _of_path: FileLock | None

    @property
    def holds(self) -> bool:
        """Whether the folder at the path is the one that is held."""
        return self._lock.is_at(self.run / SERVING)

    def follow(self) -> bool:
        """Hold the folder that is at the path now; return whether it is another than before.

        On an error the lease of the folder before is kept.

        Raises:
            LeaseError: another process serves it, or there is no folder.
        """
        if self.holds:
            return False
        lock = _taken(self.run / SERVING, self.run, 0.0)
        self._lock.release()
        self._lock = lock
        return True

    def release(self) -> None:
        """Let others serve the run."""
        self._lock.release(remove=True)
        if self._of_path is not None:
            self._of_path.release(remove=True)


@contextmanager
def serving(run: Path, *, wait_s: float = 0.0) -> Iterator[ServingLease]:
    """Hold the folder that is at this path as its one service.

    Raises:
        LeaseError: another process serves or replaces it, and did for ``wait_s`` seconds; or
            there is no such folder.
    """
    of_path = None
    try:
        of_path = _taken(beside(run, SERVING), run, wait_s)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
    try:
        lease = ServingLease(run, _taken(run / SERVING, run, wait_s), of_path)
    except BaseException:
        if of_path is not None:
            of_path.release(remove=True)
        raise
    try:
        yield lease
    finally:
        lease.release()


def _taken(path: Path, run: Path, wait_s: float) -> FileLock:
    try:
        return FileLock.take(path, wait_s=wait_s)
    except HeldError as error:
        raise LeaseError(
            f"{run} is locked by {holder_here(error.holder)}, which serves it; stop it, or wait "
            "for it with ",
            Field("wait"),
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LeaseError(f"{run} is not there; a folder takes its place or was removed") from error


def is_served(run: Path) -> bool:
    """Return whether a service has the folder, or the path."""
    return is_held(run / SERVING) or is_held(beside(run, SERVING))
