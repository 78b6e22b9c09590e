"""Outputs that aren't files to be replaced: what is written is poured into them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# This process's own streams, files that a shell has redirected them to included.
_STREAMS = re.compile(r"/dev/(?:stdin|stdout|stderr|fd/\d+)|/proc/.+")


def is_stream(path: Path) -> bool:
    """Return whether a path is a device such as ``/dev/null``, or a stream such as ``/dev/stdout``.

    >>> is_stream(Path("/dev/null")), is_stream(Path("/dev/shm/table.csv"))
    (True, False)

    Raises:
        OSError: it is a disk.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISBLK(mode):
        raise OSError(errno.EINVAL, "is a disk, and nothing to write a file to", str(path))
    return stat.S_ISCHR(mode) or _STREAMS.fullmatch(os.path.abspath(path)) is not None


@contextmanager
def poured_into(stream: Path) -> Iterator[Path]:
    """Yield a temporary path elsewhere; what was written there goes into the stream at the end."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder, stream.name)
        yield temporary
        with temporary.open("rb") as whole, stream.open("wb") as out:
            shutil.copyfileobj(whole, out)
