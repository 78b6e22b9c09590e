"""Messages of the library in the words of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from longtail.index.errors import LongtailError

# Arguments whose option isn't their name.
OPTIONS = {"k": "-k", "mode": "--debias-mode", "user_columns": "--user-column"}


def option_name(argument: str) -> str:
    """Return the option that sets an argument of the library.

    >>> option_name("include_seen"), option_name("k")
    ('--include-seen', '-k')
    """
    return OPTIONS.get(argument, f"--{argument.replace('_', '-')}")


def one_line(error: LongtailError) -> str:
    """Return an error's message with options for arguments, on one line whatever it quotes."""
    return " ".join(error.worded(option_name).split())


@contextmanager
def as_misuse() -> Iterator[None]:
    """Let what the library refuses be misuse of the command: exit code 2, with its usage."""
    try:
        yield
    except LongtailError as error:
        raise click.UsageError(one_line(error)) from error
