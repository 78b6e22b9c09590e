"""An extension of the API pages: examples in docstrings are code, not quotations."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^>>> .*\n?)(?:^.+\n?)*", re.MULTILINE)
_FLAG = re.compile(r"  # doctest:.*$", re.MULTILINE)


class DoctestFences(griffe.Extension):
    """Puts every example between fences, without the flags that only doctest reads."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(found: re.Match[str]) -> str:
    return f"```pycon\n{_FLAG.sub('', found[0]).rstrip()}\n```\n"
