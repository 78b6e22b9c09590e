"""A place to write what isn't whole yet; what killed writers left there goes with the next."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from longtail.index.disk.system import Lock, hold


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside a file that is to be written, removed afterwards.

    While it is there its writer holds a lock on it, which ends with the process, ``kill -9``
    included: folders for the same file that nobody holds are removed first. Where the file system
    has no locks they stay.
    """
    _remove_left(path)
    folder, descriptor = _held_folder(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _held_folder(path: Path) -> tuple[Path, int]:
    while True:
        # Not tempfile: it makes folders that other users can't read.
        folder = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY)
        # Another writer may have looked at it before it was held, and taken it for a left one.
        if _hold(descriptor, without_locks=True) and folder.is_dir():
            return folder, descriptor
        os.close(descriptor)


def _remove_left(path: Path) -> None:
    left = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp")
    with suppress(OSError):
        for folder in [each for each in path.parent.iterdir() if left.fullmatch(each.name)]:
            # A run folder that is being written has the same form of name.
            if not folder.is_dir() or not _is_of_file(folder, path.name):
                continue
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                if _hold(descriptor, without_locks=False):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _is_of_file(folder: Path, name: str) -> bool:
    """Return whether a folder holds nothing but one file of that name, or not even that."""
    found = list(os.scandir(folder))
    return all(each.name == name and each.is_file(follow_symlinks=False) for each in found)


def _hold(descriptor: int, *, without_locks: bool) -> bool:
    try:
        hold(descriptor, Lock.EXCLUSIVE)
    except BlockingIOError:
        return False
    except OSError:
        return without_locks
    return True
