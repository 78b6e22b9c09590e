"""What arguments of a query must be at the least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longtail.python.argument_checks import check_names, mapping, number, text, whole_number
from longtail.python.failures import MisuseError
from longtail.retrieval.ranking.query import QueryOptions


def check_query(
    histories: Any = None,
    texts: Any = None,
    user_columns: Any = None,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Refuse arguments of `Engine.recommend` that can't be meant by their kind.

    >>> check_query(texts="tea")
    Traceback (most recent call last):
    longtail.python.failures.MisuseError: texts is a mapping, like {'who': 'green tea'}, not a str

    Raises:
        MisuseError: the message names the argument.
    """
    if histories is not None:
        mapping(histories, "histories", "{'who': ['item 1', 'item 2']}")
    if texts is not None:
        for said in mapping(texts, "texts", "{'who': 'green tea'}").values():
            text(said, "a text of texts")
    if user_columns is not None:
        example = "{'who': {'age': 24}}"
        for known in mapping(user_columns, "user_columns", example).values():
            mapping(known, "user_columns", example)
    said = options or {}
    check_names(said, list(QueryOptions.__annotations__))
    if "k" in said:
        whole_number(said["k"], "k")
    for name in ("pool", "mode"):
        if name in said:
            text(said[name], name)
    for name in ("debias", "diversity"):
        if said.get(name) is not None:
            number(said[name], name)
    for name in ("where", "exclude"):
        if name in said and not hasattr(said[name], "__iter__"):
            raise MisuseError(f"{name} is a list, not {said[name]!r}")
    if "where" in said and not isinstance(said["where"], str):
        for clause in said["where"]:
            text(clause, "a filter of where")
