"""The options that say how files are to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from longtail.files.dialect_options import DIALECT_FIELDS, DIALECT_OPTIONS, dialect_said
from longtail.retrieval.data.files.columns import CATALOG_ROLES, USER_ROLES
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.ids.matched_ids import MATCHES
from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning

_Option = Callable[[Callable[..., Any]], Callable[..., Any]]

_FILE_OPTIONS: tuple[_Option, ...] = (
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="ROLE=COLUMN",
        help="Read a role from this column, e.g. item_id=asin; of one file alone: "
        "items.item_id=id, log.item_id=product_id, users.user_id=id. Repeatable.",
    ),
    *DIALECT_OPTIONS,
    click.option(
        "--allow-loss",
        is_flag=True,
        help="Go on where more than a fifth of a file can't be used.",
    ),
)
_LOG_OPTIONS: tuple[_Option, ...] = (
    click.option(
        "--time-format",
        metavar="FORMAT",
        help="How the log spells its times, e.g. '%d.%m.%Y' where day and month can't be told "
        "apart; excel: days of a spreadsheet; days: those since 1970; ticks, filetime, webkit, "
        "unix100ns, apple, applens, mac1904, unix: numbers counted so; order: numbers that are no "
        "times.",
    ),
    click.option(
        "--positive",
        multiple=True,
        metavar="WHAT",
        help="What counts as taken: 'weight>=4', or event=purchase,cart. Other events are signs of "
        "interest. Repeatable.",
    ),
    click.option(
        "--event",
        "meanings",
        multiple=True,
        metavar="NAME=MEANING",
        help="What an event of this name means: taken, seen, rejected, dropped, had or shown. "
        "Repeatable.",
    ),
    click.option(
        "--keep",
        multiple=True,
        metavar="FILTER",
        help="Read only rows of the log that pass, e.g. 'Quantity>0'. Repeatable.",
    ),
    click.option(
        "--match",
        type=click.Choice(list(MATCHES)),
        help="How item ids of the log that aren't in the catalog are compared with it: without "
        "leading zeros, without .0, in lower case, without quotes and blanks around them, in "
        "Unicode's plain form, by what stands behind the last / or :.",
    ),
)
_TEXT_OPTIONS: tuple[_Option, ...] = (
    click.option(
        "--template",
        default="auto",
        show_default=True,
        help="Text of an item, e.g. '{title}. {categories}. {description}'.",
    ),
)
# What of an option's value goes into `Reading` under which name.
_FIELDS = (
    *("columns", "time_format", "positive", "meanings", "keep", "template", "match"),
    "allow_loss",
    *DIALECT_FIELDS,
)


def catalog_reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add how to read a catalog file; the command gets ``reading``, a `Reading`."""
    return _with_reading(command, _FILE_OPTIONS)


def log_reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add how to read a log beside the catalog of a run; the command gets ``reading``."""
    return _with_reading(command, (*_FILE_OPTIONS, *_LOG_OPTIONS))


def both_reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add how to read a catalog and a log; the command gets ``reading``."""
    return _with_reading(command, (*_FILE_OPTIONS, *_LOG_OPTIONS, *_TEXT_OPTIONS))


def _with_reading(command: Callable[..., Any], options: Sequence[_Option]) -> Callable[..., Any]:
    @wraps(command)
    def with_reading(*given: Any, **named: Any) -> Any:
        said = {name: named.pop(name) for name in _FIELDS if name in named}
        return command(*given, reading=make_reading(**said), **named)

    decorated: Callable[..., Any] = with_reading
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def as_trained(reading: Reading, data: Mapping[str, Any]) -> Reading:
    """Return the reading with what a trained run says of the rows of its log, or of a part of it.

    ``data`` are the run's data settings; what options say comes first.
    """
    return replace(as_set(reading, data), trained=True)


def as_set(reading: Reading, data: Mapping[str, Any]) -> Reading:
    """Return the reading with what data settings say of a log's rows; options come first."""
    return replace(
        reading,
        events={**(data.get("events") or {}), **reading.events},
        rating=data.get("rating"),
        positive=reading.positive or tuple(data.get("positive") or ()),
        keep=reading.keep or tuple(data.get("keep") or ()),
    )


def said_of_log(reading: Reading, *, users: bool) -> str | None:
    """Return what options say of a log and of no other file, None where nothing does.

    ``users``: whether there is a users file, whose rows have a user, too.

    >>> said_of_log(make_reading(("title=name", "timestamp=when")), users=False)
    '--column timestamp=when'
    """
    others = {role.name for role in (*CATALOG_ROLES, *(USER_ROLES if users else ()))}
    for role, column in reading.columns.items():
        if role.startswith("log.") or ("." not in role and role not in others):
            return f"--column {role}={column}"
    said: dict[str, Any] = {
        "--time-format": reading.time_format,
        "--positive": reading.positive,
        "--event": reading.events,
        "--keep": reading.keep,
        "--match": reading.match,
    }
    for name in ("delimiter", "encoding", "names"):
        value = getattr(reading, name)
        said[f"--{name} log=..."] = isinstance(value, Mapping) and "log" in value
    return next((option for option, value in said.items() if value), None)


def make_reading(columns: Sequence[str] = (), meanings: Sequence[str] = (), **said: Any) -> Reading:
    """Return the reading that options say.

    >>> make_reading(("item_id=asin", "title=product name")).columns
    {'item_id': 'asin', 'title': 'product name'}

    Raises:
        click.BadParameter: an option's value isn't of its form.
    """
    events: dict[str, Meaning] = {}
    for name, meaning in _pairs(meanings, "--event", "NAME=MEANING").items():
        if meaning not in MEANINGS:
            known = ", ".join(MEANINGS)
            raise click.BadParameter(f"{meaning!r} is not one of {known}", param_hint="--event")
        events[name] = meaning
    mapping = _pairs(columns, "--column", "ROLE=COLUMN")
    return Reading(columns=mapping, events=events, **dialect_said(**said))


def _pairs(texts: Sequence[str], option: str, form: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name and value):
            raise click.BadParameter(f"{text!r} is not {form}", param_hint=option)
        pairs[name.strip()] = value.strip()
    return pairs
