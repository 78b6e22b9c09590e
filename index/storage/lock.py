"""One writer at a time: a lock that the system lifts when its holder ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from longtail.index.errors import LockedIndexError

LOCK_FILE = ".lock"

_held = threading.local()


@contextmanager
def index_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's writer lock; a thread that holds it may take it again.

    Hold it from reading the served version to publishing the one made from it, so that nobody
    publishes in between. Readers never wait. The lock is the system's (``flock``): it ends with
    the process that holds it, ``kill -9`` included, and leaves only an empty file.

    Raises:
        LockedIndexError: another process or thread holds it; the message says which and since
            when.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = folder.resolve()
    depth: dict[Path, int] = _held.__dict__.setdefault("depth", {})
    if depth.get(key):
        depth[key] += 1
        try:
            yield
        finally:
            depth[key] -= 1
        return
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _take(descriptor, folder)
        depth[key] = 1
        try:
            yield
        finally:
            del depth[key]
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        holder = os.pread(descriptor, 300, 0).decode("utf-8", "replace")
        raise LockedIndexError(
            f"{folder} is locked by {holder.strip() or 'another process'}; wait until it has "
            "finished, then run the command again"
        ) from error
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"process {os.getpid()} on {socket.gethostname()} since {since}\n"
    os.ftruncate(descriptor, 0)
    # What it says is for people: a full disk must not keep anybody from the lock.
    try:
        os.pwrite(descriptor, text.encode(), 0)
    except OSError:
        os.ftruncate(descriptor, 0)
