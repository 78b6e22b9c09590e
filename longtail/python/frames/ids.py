"""Ids as people have them in notebooks: one, a list, a Series, an array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from longtail.python.failures import MisuseError
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.query import as_id


def id_list(given: Any, name: str) -> list[str]:
    """Return ids as the engine spells them; ``name`` is the argument's.

    >>> id_list(np.array([7, 8]), "users"), id_list("u1", "users"), id_list(7.0, "users")
    (['7', '8'], ['u1'], ['7'])

    Raises:
        MisuseError: it is a frame or a mapping.
        QueryError: one of them is missing or no id.
    """
    if hasattr(given, "columns") or isinstance(given, Mapping):
        raise MisuseError(f"{name} is a {type(given).__name__}; give one column of ids, or a list")
    for method in ("to_pylist", "to_list", "tolist"):
        # Of Arrow, polars, pandas and NumPy, in the plain values that they hold.
        if hasattr(given, method):
            given = getattr(given, method)()
            break
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        given = [given]
    ids = []
    for place, value in enumerate(given):
        if isinstance(value, list | np.ndarray):
            raise MisuseError(f"{name} has more than one dimension; give one list of ids")
        try:
            ids.append(as_id(name, value))
        except QueryError as error:
            raise QueryError(*error.args, f" (place {place})") from None
    return ids
