"""Requests that get no answer: a status, a code for programs, a sentence for people."""

from __future__ import annotations

from longtail.index.errors import (
    DamagedFileError,
    DiskFullError,
    LockedIndexError,
    LongtailError,
    StaleIndexError,
)
from longtail.retrieval.errors import DataError, QueryError, UnknownItemError, UnknownUserError
from longtail.serving.http.json_response import JsonAnswer

LONGEST_MESSAGE = 500


class RefusedError(LongtailError):
    """A request that gets no answer.

    Attributes:
        status: the HTTP status.
        code: what a program can go by, snake_case.
        retry_after_s: seconds after which the same request may succeed, or None.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s

    def answer(self, request_id: str) -> JsonAnswer:
        """Return the JSON answer, with the headers that go with it."""
        message = as_text(shortened(str(self), LONGEST_MESSAGE))
        body = {"code": self.code, "message": message, "request_id": request_id}
        headers = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return JsonAnswer({"error": body}, self.status, headers=headers)


# The first that fits. What a client can mend is said as the engine says it.
_CLIENTS: tuple[tuple[type[LongtailError], int, str], ...] = (
    (UnknownUserError, 404, "unknown_user"),
    (UnknownItemError, 404, "unknown_item"),
    (QueryError, 422, "bad_query"),
    (DataError, 422, "bad_item"),
)
# The rest is for whoever runs the service: its words name folders, processes and machines, so
# they go to the log.
_OWNERS: tuple[tuple[type[LongtailError], int, str, str], ...] = (
    (LockedIndexError, 409, "index_locked", "the index is being changed by somebody else"),
    (StaleIndexError, 409, "index_changed", "somebody else has changed the index meanwhile"),
    (DiskFullError, 503, "disk_full", "the disk of the service is full; nothing was changed"),
    (DamagedFileError, 503, "damaged_file", "a file of the service is not as it was written"),
)
_RETRY_AFTER_S = 5


def internal() -> RefusedError:
    """Return the refusal behind which there is a bug of ours."""
    return RefusedError(
        500, "internal", "something went wrong in the service; report it with the request id"
    )


def refusal_of(error: LongtailError) -> RefusedError:
    """Return how the service answers a known failure of the engine.

    >>> refusal_of(UnknownUserError("no user 'u9'")).status
    404
    """
    if isinstance(error, RefusedError):
        return error
    for kind, status, name in _CLIENTS:
        if isinstance(error, kind):
            return RefusedError(status, name, error.worded(field_name))
    return refusal_for_owner(error)


def refusal_for_owner(error: Exception) -> RefusedError:
    """Return what a client hears of a failure that only the service's owner can mend.

    >>> error = DiskFullError("no room to write /srv/run/index/v0002")
    >>> str(refusal_for_owner(error)), refusal_for_owner(error).retry_after_s
    ('the disk of the service is full; nothing was changed', 5)
    """
    for kind, status, name, sentence in _OWNERS:
        if isinstance(error, kind):
            return RefusedError(status, name, sentence, retry_after_s=_RETRY_AFTER_S)
    sentence = "not able to at the moment; the log of the service says why"
    return RefusedError(503, "unavailable", sentence, retry_after_s=_RETRY_AFTER_S)


def field_name(argument: str) -> str:
    """Return what a request calls an argument of the engine.

    >>> field_name("user"), field_name("user_columns"), field_name("where")
    ('user_id', 'user', 'where')
    """
    return {"user": "user_id", "user_columns": "user"}.get(argument, argument)


def unknown_item(item_id: str) -> RefusedError:
    """Return the refusal of an item that isn't in the catalog."""
    return RefusedError(404, "unknown_item", f"no item {shortened(item_id, 60)!r} in the catalog")


def too_many(waiting: int) -> RefusedError:
    """Return the refusal of a request for which there is no room beside those that wait."""
    said = f"{waiting} requests are waiting already; try again in a second"
    return RefusedError(429, "too_many_requests", said, retry_after_s=1)


def invalid_field(name: str, what: str) -> RefusedError:
    """Return the refusal of a field; ``what`` is wrong with it follows its name."""
    return RefusedError(422, "invalid_request", f"{name}: {what}")


def as_text(text: str) -> str:
    """Return what JSON can hold of a text: a client may send half of a character's code.

    >>> as_text("a\\ud800b")
    'a\ufffdb'
    """
    return (
        text
        if text.isascii()
        else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def shortened(text: str, most: int) -> str:
    """Return a text with no more than this many characters.

    >>> shortened("a long name", 8)
    'a lon...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."
