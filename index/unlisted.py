"""Files that lie where a library reads, and that no manifest vouches for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from longtail.index.errors import DamagedFileError


def refuse_unlisted(
    folder: Path, listed: Collection[str], *, among: Collection[str] | None = None
) -> None:
    """Refuse a folder in which files lie that its manifest doesn't list.

    Libraries read what they find: a file put beside the listed ones changes answers unseen.
    ``among`` names the files and folders right in ``folder`` that are looked at; None: all but
    the manifest's own and hidden ones.

    Raises:
        DamagedFileError: there is such a file, or a link to a folder.
    """
    names = {path.name for path in folder.iterdir()} if among is None else among
    for name in sorted(names):
        own = among is None and (name.startswith((".", "manifest.")))
        for path in () if own else _files_under(folder / name):
            if path.relative_to(folder).as_posix() not in listed:
                raise DamagedFileError(
                    f"{path} is not among the files that {folder / 'manifest.json'} lists; remove "
                    "it, or copy the folder again"
                )


def _files_under(path: Path) -> Iterator[Path]:
    """Yield every file under a path, or itself; a link to a folder within counts as a file."""
    if not path.is_dir():
        if os.path.lexists(path):
            yield path
        return
    for place, folders, files in os.walk(path):
        here = Path(place)
        yield from (here / name for name in sorted(files))
        yield from (here / name for name in sorted(folders) if (here / name).is_symlink())
