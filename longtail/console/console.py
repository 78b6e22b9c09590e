"""The console on stdout that every table goes to, and text that can't harm it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

# A file or a pipe has no width of its own; our tables fit into this one.
WIDTH_OF_A_PIPE = 110


def stdout_console(*, markup: bool = False) -> Console:
    """Return a console on stdout that prints what it is given: no emoji, no guessed colours.

    Nor rich's markup, unless asked for: item titles and file names may hold ``[brackets]``.
    """
    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(width=width, markup=markup, emoji=False, highlight=False)


def text_of(show: Callable[[Console], None], *, markup: bool = False) -> str:
    """Return what ``show`` prints on the console that it is given, as plain text.

    >>> text_of(lambda console: console.print("one", "two"))
    'one two\\n'
    """
    kept = io.StringIO()
    show(
        Console(
            file=kept,
            width=WIDTH_OF_A_PIPE,
            markup=markup,
            emoji=False,
            highlight=False,
            color_system=None,
            force_terminal=False,
            force_jupyter=False,
        )
    )
    return kept.getvalue()


def one_line(text: object, width: int | None = None, style: str = "") -> Text:
    """Return text as one line without control characters, cut to ``width`` cells with an ellipsis.

    A title in a catalog may hold line ends, tabs or terminal escapes.

    >>> one_line("Nail\\n\\tpolish \\x1b[31mred", 18).plain
    'Nail polish [31mr…'
    """
    printable = "".join(c if c.isprintable() else " " for c in str(text))
    line = Text(" ".join(printable.split()), style=style, no_wrap=True)
    if width is not None:
        line.truncate(width, overflow="ellipsis")
    return line
