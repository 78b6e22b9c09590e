"""Requests that failed: the answer keeps the service's insides to itself, the log has them."""

from __future__ import annotations

import logging

from longtail.index.errors import LongtailError
from longtail.serving.http.http_errors import refusal_for_owner, refusal_of
from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.logs import log


def refused(error: Exception, request_id: str) -> JsonAnswer:
    """Return the answer to a request that failed, a known failure or the system's.

    What the answer doesn't say is in the log under the request's id.
    """
    refusal = refusal_of(error) if isinstance(error, LongtailError) else refusal_for_owner(error)
    if refusal is not error and refusal.retry_after_s is not None:
        log(
            "refused",
            level=logging.WARNING,
            request_id=request_id,
            code=refusal.code,
            why=" ".join(str(error).split()),
        )
    return refusal.answer(request_id)
