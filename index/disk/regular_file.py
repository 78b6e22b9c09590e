"""Files that are files: whoever opens a FIFO waits for its other side, and a device may never end.

A run folder may come from anywhere, so nothing in it is opened before it is known what it is.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

from longtail.index.errors import DamagedFileError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def irregularity(path: Path) -> str | None:
    """Return what is wrong with a path as one of a file, as the end of a sentence; None if nothing.

    >>> irregularity(Path("/dev/null")), irregularity(Path("/nowhere/at/all"))
    ('is a device, not a file', 'is missing')
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "is a link to nothing" if path.is_symlink() else "is missing"
    return _wrong(mode)


def open_regular(path: Path, *, remedy: str) -> io.BufferedReader:
    """Return a file, open for reading, without waiting for anybody.

    Raises:
        FileNotFoundError, NotADirectoryError: there is nothing.
        DamagedFileError: what is there is no file; ``remedy`` is the end of its message.
        OSError: it can't be opened.
    """
    try:
        # Nobody is waited for; of a file itself the flag changes nothing.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENXIO, errno.ENODEV):
            raise
        # A socket, or a device that nobody drives.
        wrong = irregularity(path) or "can't be opened"
        raise DamagedFileError(f"{path} {wrong}; {remedy}") from error
    try:
        check_regular(descriptor, path, remedy=remedy)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def check_regular(descriptor: int, path: Path, *, remedy: str) -> None:
    """Refuse what was opened, where it is no file.

    Raises:
        DamagedFileError: it isn't one; ``remedy`` is the end of the message.
    """
    if (wrong := _wrong(os.fstat(descriptor).st_mode)) is not None:
        raise DamagedFileError(f"{path} {wrong}; {remedy}")


def _wrong(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    return f"is {kind}, not a file"
