"""Failures of the application as a Python call raises them: never an exit, never a click error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from longtail.index.errors import Field, LongtailError
from longtail.jobs.os_errors import as_known_failure
from longtail.python.wording import in_python


class MisuseError(LongtailError, ValueError):
    """Arguments that can't be meant: what a command would refuse with its usage."""


def _same(text: str) -> str:
    return text


@contextmanager
def failures_for_python(
    spelled: Callable[[str], str] = _same, going_on: str | None = None
) -> Iterator[None]:
    """Raise what a command would end with as a `LongtailError` of one line.

    ``spelled`` puts the frames' names where messages have the files that they became; ``going_on``
    is added to a Ctrl-C, which stays what it is.

    Raises:
        MisuseError: arguments that can't be meant.
        LongtailError: any other known failure, of its own class.

    >>> with failures_for_python(lambda text: text.replace("/tmp/x/items.parquet", "items")):
    ...     raise LongtailError("/tmp/x/items.parquet: has no rows")
    Traceback (most recent call last):
    longtail.index.errors.LongtailError: items: has no rows
    """
    try:
        yield
    except click.UsageError as error:
        # Of a parameter the hint says which: the message alone doesn't.
        hint = getattr(error, "param_hint", None)
        text = f"{hint}: {error.message}" if hint else error.message
        raise MisuseError(spelled(text)) from None
    except click.ClickException as error:
        raise LongtailError(spelled(error.message)) from None
    except KeyboardInterrupt as interrupt:
        if going_on is not None:
            interrupt.add_note(going_on)
        raise
    except Exception as error:
        known = as_known_failure(error)
        if known is None:
            raise
        known.args = in_python(
            [part if isinstance(part, Field) else spelled(str(part)) for part in known.args]
        )
        if known is error:
            raise
        raise known from error
