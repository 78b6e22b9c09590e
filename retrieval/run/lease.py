"""One lease for a run folder: whoever writes there holds it, however it came to be there.

RUN/.serving      the service that takes events and keeps histories, as long as it runs
.RUN.serving      the same, beside it: whatever folder is at that path, nobody else serves it
RUN/index/.lock   whoever changes what is served (`longtail index`, `learn`, PUT), for one change
.RUN.training     beside it: the training whose result RUN will be

Locks lie in the folder that they are about, so that a folder that takes the other's place brings
its own: each holder looks again, when it publishes, whether the folder at the path is the one
that it holds. Those beside it last while folders change places; the service does without its own
where it may not write there. All of them end with the process that holds them.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import Field, LockedIndexError
from longtail.index.storage.file_lock import FileLock, HeldError, is_held
from longtail.index.storage.leftovers import remove_leftovers
from longtail.index.storage.lock import index_lock
from longtail.retrieval.data.events import EVENTS
from longtail.retrieval.errors import LeaseError

SERVING = ".serving"
INDEX = "index"

_held = threading.local()


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
        of_path = _taken(_beside(run, SERVING), run, wait_s)
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
            f"{run} is locked by {_here(error.holder)}, which serves it; stop it, or wait for it "
            "with ",
            Field("wait"),
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LeaseError(f"{run} is not there; a folder takes its place or was removed") from error


def _beside(run: Path, name: str) -> Path:
    """Return the path of a lock that lies beside a run folder, not in it."""
    path = Path(os.path.abspath(run))
    return path.with_name(f".{path.name}{name}")


def refuse_to_lose_events(run: Path, out: Path) -> None:
    """Refuse to replace a run whose service has taken events: they are nowhere else.

    Raises:
        LeaseError: it has.
    """
    folder = run / EVENTS
    if folder.is_dir() and any(_holds_events(path) for path in folder.iterdir()):
        raise LeaseError(
            f"{out} holds events that its service has taken; write them to a file with `longtail "
            f"data events`, then remove {folder}, or name another folder with --out"
        )


def _holds_events(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file() and path.stat().st_size > 0


@dataclass(frozen=True)
class _Place:
    """Which folder is at a path: None for the parts where there is none."""

    device: int | None
    inode: int | None
    empty: bool

    @classmethod
    def of(cls, path: Path) -> _Place:
        if not path.exists():
            return cls(None, None, True)
        there = path.stat()
        return cls(there.st_dev, there.st_ino, path.is_dir() and not any(path.iterdir()))


@dataclass(eq=False)
class TrainingLease:
    """What a training holds from its start to its end: nobody else trains the same run folder."""

    out: Path
    wait_s: float
    _before: _Place

    def refuse_served(self) -> None:
        """Refuse to begin where a service would have to be ended for it, hours later.

        Raises:
            LeaseError: a service has the run that would be replaced.
        """
        if is_held(self.out / SERVING) or is_held(_beside(self.out, SERVING)):
            with serving(self.out, wait_s=self.wait_s):
                pass

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Hold the run that is replaced while another takes its place.

        Raises:
            LeaseError: a service has it, somebody changes it, it holds events, or it isn't the
                folder any more that was there when the training began.
        """
        now = _Place.of(self.out)
        if not now.empty and now != self._before:
            raise LeaseError(
                f"{self.out} is another folder than when this training began, so it isn't "
                "replaced; name another one with --out, or replace this one with --overwrite: "
                "with --resume nothing is trained twice"
            )
        with ExitStack() as held:
            if not now.empty:
                try:
                    held.enter_context(serving(self.out, wait_s=self.wait_s))
                    if (self.out / INDEX).is_dir():
                        held.enter_context(index_lock(self.out / INDEX, wait_s=self.wait_s))
                    refuse_to_lose_events(self.out, self.out)
                except (LeaseError, LockedIndexError) as error:
                    kept = "; what was trained is kept: the same command publishes it with "
                    raise LeaseError(*error.args, kept, Field("resume")) from error
            yield


@contextmanager
def training(out: Path, *, wait_s: float = 0.0) -> Iterator[TrainingLease]:
    """Hold the place of a run for a training; a thread that holds it may take it again.

    What a killed training left half published beside it is removed.

    Raises:
        LeaseError: another process trains there, and did for ``wait_s`` seconds.
    """
    path = Path(os.path.abspath(out))
    leases: dict[Path, TrainingLease] = _held.__dict__.setdefault("trainings", {})
    lease = leases.get(path)
    if lease is not None:
        yield lease
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock.take(_beside(out, ".training"), wait_s=wait_s)
    except HeldError as error:
        raise LeaseError(
            f"{out} is being trained by {_here(error.holder)}; wait until it has finished, name "
            "another folder with --out, or wait for it with ",
            Field("wait"),
        ) from error
    try:
        remove_leftovers(path)
        lease = leases[path] = TrainingLease(out, wait_s, _Place.of(out))
        yield lease
    finally:
        leases.pop(path, None)
        lock.release(remove=True)


def _here(holder: str) -> str:
    """Return who holds something, without the name of this machine."""
    return holder.replace(f" on {socket.gethostname()} since", " since")
