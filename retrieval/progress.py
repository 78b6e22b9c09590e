"""How long work reports where it is, without knowing whether a person is watching."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the step's name, the units done and the units in all (0: not known yet)."""

    def __call__(self, step: str, done: int, total: int) -> None: ...


def silent(step: str, done: int, total: int) -> None:
    """Report nothing: the default of every library call."""
