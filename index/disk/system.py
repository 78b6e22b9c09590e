"""What longtail needs of the operating system: locks that end with their holder."""

from __future__ import annotations

import platform
import sys
from enum import IntEnum

from longtail.index.errors import LongtailError

try:
    import fcntl
except ImportError:
    # Windows. The package can still be imported, and `longtail doctor` says why no more works.
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True


class UnsupportedSystemError(LongtailError):
    """The operating system has no file locks that end with their holder."""


class Lock(IntEnum):
    """How a file is held; nobody is waited for."""

    SHARED = 1
    EXCLUSIVE = 2


def hold(descriptor: int, lock: Lock) -> None:
    """Lock an open file until it is closed, or its process ends.

    Raises:
        UnsupportedSystemError: the system has no such locks.
        BlockingIOError: somebody else holds it.
        OSError: the file system has no locks.
    """
    check_system()
    how = fcntl.LOCK_SH if lock is Lock.SHARED else fcntl.LOCK_EX
    fcntl.flock(descriptor, how | fcntl.LOCK_NB)


def check_system() -> None:
    """Refuse a system on which a run could be written by two at once.

    Raises:
        UnsupportedSystemError: it is one.
    """
    if not _HAS_LOCKS:
        raise UnsupportedSystemError(
            f"longtail doesn't run on {platform.system() or sys.platform}: it needs file locks "
            "that end with their process (fcntl), of Linux or macOS; on Windows install it in WSL"
        )


def system_support() -> str:
    """Return in a few words whether longtail runs on this system.

    >>> system_support() in ("supported", "can be used, not tested", "not supported: use WSL")
    True
    """
    if not _HAS_LOCKS:
        return "not supported: use WSL"
    return "supported" if sys.platform == "linux" else "can be used, not tested"
