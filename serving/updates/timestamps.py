"""When an event was, from what clients send."""

from __future__ import annotations

from datetime import UTC, datetime

from longtail.serving.http.http_errors import invalid_field

# A clock that is ahead by less is taken as it is.
_AHEAD_S = 86_400
# As in interaction files: below, a number would be an ordinal and no time.
_EARLIEST_S = 1e8


def seconds_of(timestamp: float | str | None, now: float) -> int:
    """Return seconds since 1970; None is ``now``, ISO 8601 without a zone is UTC.

    Whole seconds, as interaction files have them.

    Raises:
        RefusedError: it can't be read, or lies in the future.

    >>> seconds_of("2024-01-31T00:00:00Z", now=2e9)
    1706659200
    """
    if timestamp is None:
        return int(now)
    if isinstance(timestamp, str):
        try:
            read = datetime.fromisoformat(timestamp)
            zoned = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
            seconds = zoned.timestamp()
        except (ValueError, OverflowError):
            raise invalid_field("timestamp", "is neither seconds since 1970 nor ISO 8601") from None
    else:
        seconds = timestamp
    if seconds < _EARLIEST_S:
        raise invalid_field("timestamp", "is before March 1973; give seconds since 1970")
    if seconds > now + _AHEAD_S:
        raise invalid_field("timestamp", "lies in the future; give seconds since 1970")
    return int(seconds)
