"""How frames and files are to be read, said as arguments: the commands' options by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from longtail.files.dialect_options import DIALECT_FIELDS
from longtail.files.reading_options import make_reading
from longtail.python.argument_checks import check_names, many, text
from longtail.python.failures import MisuseError, failures_for_python
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.ids.matched_ids import MATCHES

Texts = str | Sequence[str]


class ReadingArguments(TypedDict, total=False):
    """What may be said of how to read frames and files; `longtail train -h` says more of each.

    columns: role to column: ``{"item_id": "sku", "log.item_id": "product"}``.
    positive: what counts as taken, like ``"weight>=4"`` or ``"event=purchase,cart"``.
    events: what an event of this name means: ``{"view": "seen"}``.
    keep: filters that rows of the log must pass, like ``"Quantity>0"``.
    time_format: how the log spells its times.
    match: how item ids of the log that aren't in the catalog are compared with it.
    template: text of an item, like ``"{title}. {description}"``.
    allow_loss: whether more than a fifth may be set aside.
    delimiter, encoding, names: of files, one value or values by ``items``, ``log``, ``users``.
    decimal, max_inflated_gb: of files.
    """

    columns: Mapping[str, str]
    positive: Texts
    events: Mapping[str, str]
    keep: Texts
    time_format: str | None
    match: str | None
    template: str
    allow_loss: bool
    delimiter: str | Mapping[str, str]
    encoding: str | Mapping[str, str]
    names: Sequence[str] | Mapping[str, Sequence[str]]
    decimal: str
    max_inflated_gb: float


def reading_of(arguments: Mapping[str, Any]) -> Reading:
    """Return the reading that `ReadingArguments` say.

    >>> reading_of({"columns": {"item_id": "sku"}, "positive": "weight>=4"}).positive
    ('weight>=4',)

    Raises:
        MisuseError: there is no such argument (near ones are suggested), or its value can't be.
    """
    known = list(ReadingArguments.__annotations__)
    check_names(arguments, known)
    said = {name: value for name, value in arguments.items() if value is not None}
    match = said.get("match")
    if match is not None and match not in MATCHES:
        raise MisuseError(f"match {match!r} is not one of {', '.join(MATCHES)}")
    pairs = _pairs(said.pop("columns", {}), "columns")
    meanings = _pairs(said.pop("events", {}), "events")
    for name in ("positive", "keep"):
        if name in said:
            said[name] = _texts(said[name], name)
    for name in DIALECT_FIELDS[:3]:
        if name in said:
            said[name] = _of_files(said[name], name)
    with failures_for_python():
        return make_reading(pairs, meanings, **said)


def _pairs(given: Any, name: str) -> list[str]:
    if not isinstance(given, Mapping):
        raise MisuseError(f"{name} is a mapping, like {{'item_id': 'sku'}}, not {given!r}")
    return [f"{key}={value}" for key, value in given.items()]


def _texts(given: Any, name: str) -> tuple[str, ...]:
    return tuple(many(given, name, text, alone=str))


def _of_files(given: Any, name: str) -> tuple[str, ...]:
    """Return what is said of files in the words of an option.

    >>> _of_files({"log": "::"}, "delimiter"), _of_files(["user_id", "item_id"], "names")
    (('log=::',), ('user_id,item_id',))
    """
    if isinstance(given, Mapping):
        return tuple(f"{file}={_joined(value, name)}" for file, value in given.items())
    return (_joined(given, name),)


def _joined(value: Any, name: str) -> str:
    return ",".join(map(str, many(value, name, lambda one, _: one, alone=str)))
