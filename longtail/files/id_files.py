"""Ids in a text file, one a line."""

from __future__ import annotations

from pathlib import Path

from longtail.retrieval.errors import DataError


def ids_from_file(path: Path, kind: str) -> list[str]:
    """Return the ids of a text file, one a line; an id that comes again is left out.

    ``kind`` is what they are of, for messages: ``user`` or ``item``.

    Raises:
        DataError: the file isn't there, isn't UTF-8, or holds no id.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: {reason}; it should hold {kind} ids") from error
    ids = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not ids:
        raise DataError(f"{path} holds no {kind} id; write one a line")
    return ids
