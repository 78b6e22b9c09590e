"""What the machine refused (a full disk, a path that can't be used), in one line.

Libraries wrap a full disk each in their own way: safetensors and torch raise errors that are no
`OSError`, NumPy one without an errno. Whatever a command was doing, the person gets one line.
"""

from __future__ import annotations

import errno
import re

from index.errors import DiskFullError, LongtailError
from index.files import DISK_FULL

# EFBIG: the shell's or the filesystem's limit on the size of one file.
_NO_ROOM = (*DISK_FULL, errno.EFBIG)
_NO_ROOM_IN_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|os error (28|27|122)\b"
    r"|PytorchStreamWriter failed writing|\d+ requested and \d+ written"
)


class MachineError(LongtailError):
    """The machine refused a file: no permission, no such folder, a folder instead of a file."""


def as_known_failure(error: BaseException) -> LongtailError | None:
    """Return the known failure behind an exception, or None for what may be our own bug.

    >>> as_known_failure(RuntimeError("[enforce fail] PytorchStreamWriter failed writing file 0"))
    DiskFullError('the disk is full, or the file larger than allowed; nothing was published')
    >>> as_known_failure(IsADirectoryError(errno.EISDIR, "Is a directory", "runs"))
    MachineError('runs: Is a directory')
    >>> as_known_failure(ValueError("a bug"))
    """
    if isinstance(error, LongtailError):
        return error
    link: BaseException | None = error
    while link is not None:
        full = isinstance(link, OSError) and link.errno in _NO_ROOM
        if full or _NO_ROOM_IN_WORDS.search(str(link)):
            place = f": {link.filename}" if isinstance(link, OSError) and link.filename else ""
            return DiskFullError(
                "the disk is full, or the file larger than allowed; nothing was published" + place
            )
        link = link.__cause__ or link.__context__
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return MachineError(f"{place}{error.strerror}")
    return None
