"""What the machine refused (a full disk, a path that can't be used), in one line.

Libraries wrap a full disk each in their own way: safetensors and torch raise errors that are no
`OSError`, NumPy one without an errno. Whatever a command was doing, the person gets one line.
"""

from __future__ import annotations

import errno
import re

from longtail.index.errors import DiskFullError, LongtailError
from longtail.index.files import DISK_FULL

# EFBIG: the shell's or the file system's limit on the size of one file.
_NO_ROOM = (*DISK_FULL, errno.EFBIG)
_NO_ROOM_IN_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|os error (28|27|122)\b"
    r"|PytorchStreamWriter failed writing|\d+ requested and \d+ written"
)
_LONGEST_REASON = 160


class MachineError(LongtailError):
    """The machine refused a file: no permission, no such folder, a folder instead of a file."""


def full_disk_behind(error: BaseException) -> str | None:
    """Return the library's own words for a full disk in an exception's chain, or None.

    >>> full_disk_behind(RuntimeError("[enforce fail] PytorchStreamWriter failed writing file 0"))
    '[enforce fail] PytorchStreamWriter failed writing file 0'
    >>> full_disk_behind(ValueError("a bug"))
    """
    reason: str | None = None
    link: BaseException | None = error
    # A chain may be a ring: an error that is raised from one that came up while it was handled.
    passed: set[int] = set()
    while link is not None and id(link) not in passed:
        passed.add(id(link))
        no_room = isinstance(link, OSError) and link.errno in _NO_ROOM
        if no_room or _NO_ROOM_IN_WORDS.search(str(link)):
            # The innermost one says it in the fewest words.
            reason = " ".join(str(link).split())[:_LONGEST_REASON]
        link = link.__cause__ or link.__context__
    return reason


def as_known_failure(error: BaseException) -> LongtailError | None:
    """Return the known failure behind an exception, or None for what may be our own bug.

    >>> as_known_failure(IsADirectoryError(errno.EISDIR, "Is a directory", "runs"))
    MachineError('runs: Is a directory')
    >>> as_known_failure(ValueError("a bug"))
    """
    if isinstance(error, LongtailError):
        return error
    if reason := full_disk_behind(error):
        return DiskFullError(f"no room on the disk ({reason}); make room and run it again")
    if isinstance(error, OSError) and error.strerror:
        # Of two names the second is the one that a person knows: what was to be replaced.
        name = error.filename2 or error.filename
        place = f"{name}: " if name else ""
        return MachineError(f"{place}{error.strerror}")
    return None
