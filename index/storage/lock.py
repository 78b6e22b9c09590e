"""One writer at a time: who changes an index holds its folder's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import Field, LockedIndexError, StaleIndexError
from longtail.index.storage.file_lock import FileLock, HeldError

LOCK_FILE = ".lock"

_held = threading.local()


@dataclass(eq=False)
class _Held:
    path: Path
    lock: FileLock
    depth: int = 1


@contextmanager
def index_lock(folder: Path, *, wait_s: float = 0.0, create: bool = False) -> Iterator[None]:
    """Hold the folder's writer lock; a thread that holds it may take it again.

    Hold it from reading the served version to publishing the one made from it, so that nobody
    publishes in between, and take it again to publish: where the folder has been replaced
    meanwhile by another, that is noticed then. Readers never wait. The lock ends with the process
    that holds it, and leaves only an empty file. With ``create`` the folder may be missing.

    Raises:
        LockedIndexError: another process or thread holds it, and did for ``wait_s`` seconds; the
            message says which and since when.
        StaleIndexError: this thread holds the lock of a folder that is no longer the one here.
        FileNotFoundError: the folder's parent isn't there.
    """
    path = Path(os.path.abspath(folder)) / LOCK_FILE
    own: list[_Held] = _held.__dict__.setdefault("own", [])
    mine = next((held for held in own if held.path == path or held.lock.is_at(path)), None)
    if mine is not None:
        _check_place(mine, path)
        mine.depth += 1
        try:
            yield
        finally:
            mine.depth -= 1
        return
    folder.mkdir(parents=create, exist_ok=True)
    try:
        lock = FileLock.take(path, wait_s=wait_s)
    except HeldError as error:
        raise LockedIndexError(
            f"{folder} is locked by {error.holder}; wait until it has finished, then run the "
            "command again, or let it wait with ",
            Field("wait"),
        ) from error
    mine = _Held(path, lock)
    own.append(mine)
    try:
        yield
    finally:
        own.remove(mine)
        lock.release()


def check_lock(folder: Path) -> None:
    """Refuse to go on where the folder isn't the one any more that this thread has locked.

    Raises:
        StaleIndexError: it has been replaced meanwhile.
    """
    path = Path(os.path.abspath(folder)) / LOCK_FILE
    for held in _held.__dict__.get("own", []):
        if held.path == path:
            _check_place(held, path)


def _check_place(held: _Held, path: Path) -> None:
    if not held.lock.is_at(path):
        raise StaleIndexError(
            f"{path.parent} has been replaced by another folder while this change was made; "
            "nothing was written into it: run the command again"
        )
