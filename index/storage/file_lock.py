"""A lock that the system lifts when its holder ends, however it ends, and that is fair."""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from longtail.index.disk.regular_file import check_regular
from longtail.index.disk.system import Lock, check_system, hold
from longtail.index.errors import DamagedFileError, LongtailError

POLL_S = 0.02
# Behind the lock file's name: who holds it is the next in line.
NEXT = ".next"
_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


class HeldError(LongtailError):
    """Somebody else holds the lock.

    Attributes:
        holder: ``process 12 on host since 2026-01-01T00:00:00+00:00``, as far as it is known.
    """

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by {holder}")
        self.holder = holder


@dataclass(eq=False)
class FileLock:
    """A file that one process or thread holds (``flock``), ``kill -9`` included for as long.

    Who waits takes its place in line: a holder that lets go and comes again at once, as a busy
    service does, comes behind it. The place is a file of its own, there only while somebody waits.
    """

    path: Path
    _descriptor: int

    @classmethod
    def take(cls, path: Path, *, wait_s: float = 0.0) -> FileLock:
        """Return the lock, held; its folder must be there.

        Raises:
            HeldError: somebody else holds it, and did for ``wait_s`` seconds.
            FileNotFoundError: the folder isn't there.
            DamagedFileError: what lies at the path is no file.
            UnsupportedSystemError: the system has no such locks.
        """
        check_system()
        until = time.monotonic() + wait_s
        line = path.with_name(path.name + NEXT)
        if not cls._somebody_waits(line):
            lock = cls._tried(path)
            if lock is not None:
                return lock
        while time.monotonic() < until:
            place = cls._tried(line)
            if place is None:
                time.sleep(POLL_S)
                continue
            try:
                while True:
                    lock = cls._tried(path)
                    if lock is not None:
                        return lock
                    if time.monotonic() >= until:
                        break
                    time.sleep(POLL_S)
            finally:
                place.release(remove=True)
        raise HeldError(path, holder_of(path))

    @classmethod
    def _tried(cls, path: Path) -> FileLock | None:
        """Return the lock if nobody holds it."""
        while True:
            descriptor = _opened(path)
            try:
                check_regular(descriptor, path, remedy="remove it: it is no lock of longtail's")
            except DamagedFileError:
                os.close(descriptor)
                raise
            lock = cls(path, descriptor)
            try:
                hold(descriptor, Lock.EXCLUSIVE)
            except OSError as error:
                os.close(descriptor)
                if error.errno not in _BUSY:
                    raise
                return None
            if lock.is_at(path):
                lock._say_who()
                return lock
            # Its holder has removed it, or its folder was replaced, before we had it.
            os.close(descriptor)

    @classmethod
    def _somebody_waits(cls, line: Path) -> bool:
        """Return whether somebody is in line; the place of a killed one is removed."""
        if not line.exists():
            return False
        place = cls._tried(line)
        if place is not None:
            place.release(remove=True)
        return place is None

    def _say_who(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        text = f"process {os.getpid()} on {socket.gethostname()} since {since}\n"
        # What it says is for people: a full disk, or a file of another user, must not keep
        # anybody from the lock.
        self._say_nothing()
        try:
            os.pwrite(self._descriptor, text.encode(), 0)
        except OSError:
            self._say_nothing()

    def _say_nothing(self) -> None:
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)

    def is_at(self, path: Path) -> bool:
        """Return whether the file at this path is the one that is held."""
        try:
            there = path.stat()
        except OSError:
            return False
        held = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def release(self, *, remove: bool = False) -> None:
        """Let go; with ``remove`` the file goes, too."""
        try:
            if remove and self.is_at(self.path):
                with suppress(OSError):
                    self.path.unlink()
            self._say_nothing()
        finally:
            os.close(self._descriptor)


def _opened(path: Path) -> int:
    # Nobody is waited for, whatever it is that lies there.
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666)
    except PermissionError as error:
        # Another user has made it, as root does who changed the run once; it locks all the same.
        try:
            return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            raise error from None


def holder_of(path: Path) -> str:
    """Return who holds a lock file, ``another process`` where that isn't known."""
    try:
        text = path.read_bytes()[:300].decode("utf-8", "replace").strip()
    except OSError:
        text = ""
    return text or "another process"


def is_held(path: Path) -> bool:
    """Return whether somebody holds a lock file; what a killed process left is held by nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        hold(descriptor, Lock.SHARED)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
