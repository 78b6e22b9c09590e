"""How the OpenAPI document shows refusals."""

from __future__ import annotations

from typing import Any

from longtail.serving.http.response_models import ErrorAnswer

_MEANING = {
    400: "The body is not JSON in UTF-8.",
    401: "The API key is missing or wrong.",
    403: "A page of another site, or a key that may only read.",
    404: "No such user or item.",
    408: "The body took too long.",
    409: "The index is being changed by somebody else.",
    413: "The body is too large.",
    415: "The content type is not application/json.",
    422: "A field is missing, unknown, of the wrong kind or out of range.",
    429: "Too many requests wait; see Retry-After.",
    503: "Not able to at the moment; see Retry-After.",
    504: "No answer before the deadline.",
}
_ALWAYS = (401, 403, 503)
_WITH_BODY = (400, 408, 413, 415)


def errors(*statuses: int, body: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that may be refused with these statuses."""
    named = {*statuses, *_ALWAYS, *(_WITH_BODY if body else ())}
    return {
        status: {"model": ErrorAnswer, "description": _MEANING[status]} for status in sorted(named)
    }
