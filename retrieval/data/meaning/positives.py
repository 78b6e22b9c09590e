"""Which rows somebody named as taken: ``weight>=4``, ``event=purchase,cart``."""

from __future__ import annotations

from collections.abc import Sequence

from longtail.index.errors import Field
from longtail.retrieval.errors import DataError


def positives(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return what somebody named as taken, by what it is said of.

    >>> positives(["weight>=4", "event=purchase,addtocart"])
    {'weight': ['>=4'], 'event': ['purchase', 'addtocart']}
    """
    said: dict[str, list[str]] = {}
    for text in texts:
        name = text.strip()
        for sign in (">=", "<=", ">", "<", "="):
            if sign in text:
                name = text.partition(sign)[0].strip()
                rest = text[text.index(sign) :].strip()
                break
        else:
            raise DataError(
                Field("positive"),
                f" {text!r} says of no column what is taken; write it like 'weight>=4' or "
                "'event=purchase,cart'",
            )
        if name == "event":
            said.setdefault(name, []).extend(
                part.strip() for part in rest.removeprefix("=").split(",") if part.strip()
            )
        else:
            said[name] = [rest]
    return said
