"""Answers as JSON: NumPy numbers in their shortest form, and null for what isn't known."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import JSONResponse

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def written(content: Any) -> bytes:
    """Return content as JSON; float32 scores don't grow digits that they never had."""
    return orjson.dumps(content, option=_OPTIONS)


class JsonAnswer(JSONResponse):
    """A JSON response."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return written(content)
