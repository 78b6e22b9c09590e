"""What is wrong with a request, in one sentence that names the field and never quotes a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longtail.serving.http.http_errors import RefusedError, shortened

_LONGEST_FIELD = 80


def refusal_of_validation(errors: Sequence[Mapping[str, Any]]) -> RefusedError:
    """Return the refusal of a request that pydantic found wrong.

    >>> wrong = {"type": "missing", "loc": ("body", "events"), "msg": "Field required"}
    >>> str(refusal_of_validation([wrong]))
    'events: field required'
    """
    first = errors[0]
    if first["type"] == "json_invalid":
        return RefusedError(400, "invalid_json", "the body is not JSON")
    where = _field(first["loc"])
    said = str(first["msg"]).removeprefix("Value error, ")
    said = said[:1].lower() + said[1:]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return RefusedError(
        422, "invalid_request", f"{where}: {said}{more}" if where else f"{said}{more}"
    )


def _field(place: Sequence[Any]) -> str:
    """Return ``requests.3.k`` for a place in the body, ``k`` for a parameter."""
    # A key that nobody knows may be as long as the body.
    names = [str(name) for name in place[1:]]
    field = ".".join(names) if names else ("body" if place and place[0] == "body" else "")
    return shortened(field, _LONGEST_FIELD)
