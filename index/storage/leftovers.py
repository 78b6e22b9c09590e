"""What killed writers leave beside the files and folders that they were about to publish."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LEFTOVER = re.compile(r"\.(.+)\.[0-9a-f]{8}\.(tmp|old)", re.DOTALL)


def leftovers(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield what lies in a folder half written or put aside: its path, whose it is, and its ending.

    Whoever removes one must know that its writer is gone: hold what that one held.
    """
    for path in sorted(folder.iterdir()):
        match = _LEFTOVER.fullmatch(path.name)
        if match is not None:
            yield path, match[1], match[2]


def remove_leftovers(target: Path) -> None:
    """Remove what killed writers of a folder have left beside it.

    One that was put aside, and whose successor never came, goes back to its place.
    """
    left = [
        (path, ending) for path, name, ending in leftovers(target.parent) if name == target.name
    ]
    for path, ending in left:
        if ending == "old" and not target.exists():
            path.rename(target)
        else:
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
