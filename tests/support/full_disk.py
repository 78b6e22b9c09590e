"""Two ways to run out of room: a limit on the size of a file, and a real small file system."""

from __future__ import annotations

import contextlib
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import run_program


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal that comes with it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Put a file system of a size such as ``400k`` into a new folder, where that is allowed."""
    folder.mkdir()
    mount = shutil.which("mount")
    options = ("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    if mount is None or run_program(mount, *options).code:
        pytest.skip("this user can't mount a file system")
    try:
        yield folder
    finally:
        left = run_program("umount", "-l", folder)
        assert left.code == 0, left.err
