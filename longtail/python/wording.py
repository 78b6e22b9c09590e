"""Messages of the library in the words of a Python call."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longtail.index.errors import Field

# Options whose argument is a flag.
_FLAGS = ("allow-loss", "force", "overwrite", "quarantine", "resume")
# Options whose argument has another name, or the same.
_ARGUMENTS = {"column": "columns", "event": "events"} | {
    name: name for name in ("config", "encoding", "keep", "out", "positive", "set", "wait")
}
# What stands in backquotes is a command, to be typed as it is.
_OPTION = re.compile(r"`[^`]*`|(?<![\w-])--([a-z]+(?:-[a-z]+)*)")
_ROLE = re.compile(r" (?:'([^'=]+)=([^']*)'|([\w.]+)=([^\s;,:]+))")


def in_python(parts: Sequence[object]) -> tuple[object, ...]:
    """Return the parts of a message with arguments for options.

    >>> in_python(["out is there; give --overwrite, see `longtail train --out`"])
    ('out is there; give overwrite=True, see `longtail train --out`',)
    >>> in_python(["name it with ", Field("column"), " title=sku; or not"])
    ('name it with ', 'columns', "={'title': 'sku'}; or not")
    """
    worded: list[object] = []
    for part in parts:
        after = worded[-1] if worded else None
        if isinstance(part, Field):
            worded.append(Field("columns") if part == "column" else part)
        elif isinstance(after, Field) and after == "columns":
            worded.append(_ROLE.sub(_as_mapping, str(part), count=1))
        elif isinstance(part, str):
            worded.append(_OPTION.sub(_as_argument, part))
        else:
            worded.append(part)
    return tuple(worded)


def _as_mapping(found: re.Match[str]) -> str:
    role, column = found[1] or found[3], found[2] or found[4]
    return f"={{{role!r}: {column!r}}}"


def _as_argument(found: re.Match[str]) -> str:
    name = found[1]
    if name in _FLAGS:
        return f"{name.replace('-', '_')}=True"
    return _ARGUMENTS.get(name or "", found[0])
