"""A layout: the files that it consists of, how each is told, and what turns them into tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from longtail.layouts.conversion import Conversion
from longtail.layouts.sample import Fits


@dataclass(frozen=True)
class Part:
    """A file of a layout.

    Attributes:
        name: what it holds, in a word or two.
        usual: the names that it usually has, as patterns; ``.gz`` may follow.
        fits: tells it by its first line.
        required: whether there is nothing to convert without it.
        several: whether it may be spread over several files.
    """

    name: str
    usual: tuple[str, ...]
    fits: Fits
    required: bool = True
    several: bool = False


@dataclass(frozen=True)
class Layout:
    """A public layout.

    Attributes:
        about: what it is, for a list of layouts.
        parts: its files.
        convert: reads the files and fills the tables.
    """

    about: str
    parts: tuple[Part, ...]
    convert: Callable[[Conversion], None]
