"""What Ctrl-C leaves behind, said by the command that knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class WorkInterruptedError(Exception):
    """Ctrl-C; the message says what stands and how to go on."""


@contextmanager
def when_interrupted(how_to_go_on: str) -> Iterator[None]:
    """Turn Ctrl-C into `WorkInterruptedError` with this message.

    >>> with when_interrupted("run it again"):
    ...     raise KeyboardInterrupt
    Traceback (most recent call last):
        ...
    longtail.interruption.WorkInterruptedError: run it again
    """
    try:
        yield
    except KeyboardInterrupt:
        raise WorkInterruptedError(how_to_go_on) from None
