"""What stands behind an exception, whatever its chain looks like."""

from __future__ import annotations

import errno

from longtail.jobs.os_errors import full_disk_behind


def ring(*, full: bool) -> BaseException:
    """Return an error that was raised from one which came up while it was handled."""
    first = ValueError("first")
    second = OSError(errno.ENOSPC, "No space left") if full else KeyError("second")
    first.__cause__, second.__context__ = second, first
    return first


def test_a_chain_that_is_a_ring_ends() -> None:
    assert full_disk_behind(ring(full=False)) is None
    assert full_disk_behind(ring(full=True)) == "[Errno 28] No space left"
