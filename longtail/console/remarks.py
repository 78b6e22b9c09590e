"""Remarks beside a command's data: a line each, for a person, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

import click

# Takes a line as it comes up; a command's goes to stderr, a notebook's elsewhere.
Say = Callable[[str], None]


def on_stderr(line: str) -> None:
    """Say a line on stderr, where it can't be taken for data."""
    click.echo(line, err=True)
