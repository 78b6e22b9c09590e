"""Which rows somebody named as taken: ``weight>=4``, ``event=purchase,cart``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.errors import DataError

_SAID = re.compile(r"([^<>=!]+)(>=|<=|>|<|=)([^<>=!]+)")


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
        found = _SAID.fullmatch(_plain_signs(text))
        if found is None:
            raise DataError(
                Field("positive"),
                f" {text!r} says of no column what is taken; write it like 'weight>=4' or "
                "'event=purchase,cart'",
            )
        name, sign, rest = (part.strip() for part in found.groups())
        name = role_of.get(plain_name(name), name)
        if name == "event":
            if sign != "=":
                raise DataError(Field("positive"), f" {text!r}: events have names, so {sign} is =")
            said.setdefault(name, []).extend(filter(None, map(str.strip, rest.split(","))))
        elif name in said:
            raise DataError(Field("positive"), f" {text!r}: one threshold says what is taken")
        else:
            said[name] = [sign + rest]
    return said


def _plain_signs(text: str) -> str:
    for other, sign in (("≥", ">="), ("≤", "<="), ("=>", ">="), ("=<", "<="), ("==", "=")):
        text = text.replace(other, sign)
    return text
