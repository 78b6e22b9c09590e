"""What arguments must be at the least: a mistake of kind is refused at the door, by its name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from longtail.python.failures import MisuseError


def check_names(given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse arguments that there aren't.

    >>> check_names(["pol"], ["k", "pool"])
    Traceback (most recent call last):
    longtail.python.failures.MisuseError: no argument 'pol'; did you mean pool?

    Raises:
        MisuseError: there is no such argument; near ones are suggested.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            raise MisuseError(f"no argument {name!r}{hint}")


def path_of(given: Any, name: str) -> Path:
    """Return a path, given as one or as text.

    Raises:
        MisuseError: it is neither, or an empty text, which would be the working folder.
    """
    if not isinstance(given, str | os.PathLike) or given == "":
        raise MisuseError(f"{name} is a path, not {given!r}")
    return Path(given)


def whole_number(given: Any, name: str) -> int:
    """Return a whole number, of NumPy too.

    Raises:
        MisuseError: it is none; 2.0 and True aren't.
    """
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise MisuseError(f"{name} is a whole number, not {given!r}")
    return int(given)


def number(given: Any, name: str) -> float:
    """Return a number, of NumPy too.

    Raises:
        MisuseError: it is none; True isn't.
    """
    if isinstance(given, bool) or not isinstance(given, Real):
        raise MisuseError(f"{name} is a number, not {given!r}")
    return float(given)


def text(given: Any, name: str) -> str:
    """Return a text.

    Raises:
        MisuseError: it is none.
    """
    if not isinstance(given, str):
        raise MisuseError(f"{name} is a text, not {given!r}")
    return given


def many(
    given: Any, name: str, one: Callable[[Any, str], Any], *, alone: type[Any] | None = None
) -> list[Any]:
    """Return a list of values that ``one`` takes each; a value of ``alone`` is a list of one.

    Raises:
        MisuseError: it is no list, or ``one`` refuses a value.
    """
    if alone is not None and isinstance(given, alone):
        return [one(given, name)]
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise MisuseError(f"{name} is a list, not {given!r}")
    return [one(value, name) for value in given]


def mapping(given: Any, name: str, like: str) -> Mapping[Any, Any]:
    """Return a mapping; ``like`` is an example of it.

    Raises:
        MisuseError: it is none.
    """
    if not isinstance(given, Mapping):
        # A frame of ids would be read by its columns: lists by name are what is meant.
        raise MisuseError(f"{name} is a mapping, like {like}, not a {type(given).__name__}")
    return given
