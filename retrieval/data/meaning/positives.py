"""Which rows somebody named as taken: ``weight>=4``, ``event=purchase,cart``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.errors import DataError


def positives(texts: Sequence[str], roles: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what somebody named as taken, by the role that it is said of.

    A role may be called by its column: ``roles`` has the column of each.

    >>> positives(["stars>=4", "event=purchase,addtocart"], {"weight": "Stars"})
    {'weight': ['>=4'], 'event': ['purchase', 'addtocart']}

    Raises:
        DataError: a text says of no column what is taken.
    """
    role_of = {plain_name(column): role for role, column in roles.items()} | {"rating": "weight"}
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
        name = role_of.get(plain_name(name), name)
        if name == "event":
            said.setdefault(name, []).extend(
                part.strip() for part in rest.removeprefix("=").split(",") if part.strip()
            )
        else:
            said[name] = [rest]
    return said
