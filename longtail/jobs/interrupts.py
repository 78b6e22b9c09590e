"""Work that stops in the middle, by Ctrl-C or a full disk: what stands, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from longtail.index.errors import DiskFullError
from longtail.jobs.os_errors import full_disk_behind


class WorkInterruptedError(Exception):
    """Ctrl-C; the message says what stands and how to go on."""


@contextmanager
def when_stopped(how_to_go_on: str) -> Iterator[None]:
    """Say how to go on when the work stops: the command knows, whoever noticed doesn't.

    Raises:
        WorkInterruptedError: Ctrl-C.
        DiskFullError: the disk ran out, in whatever words the library told us.

    >>> with when_stopped("run it again"):
    ...     raise KeyboardInterrupt
    Traceback (most recent call last):
        ...
    longtail.jobs.interrupts.WorkInterruptedError: run it again
    >>> with when_stopped("make room"):
    ...     raise RuntimeError("os error 28")
    Traceback (most recent call last):
        ...
    longtail.index.errors.DiskFullError: no room on the disk (os error 28); make room
    """
    try:
        yield
    except KeyboardInterrupt:
        raise WorkInterruptedError(how_to_go_on) from None
    except Exception as error:
        if reason := full_disk_behind(error):
            raise DiskFullError(f"no room on the disk ({reason}); {how_to_go_on}") from error
        raise
