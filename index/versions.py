"""Numbered version folders, and the CURRENT file that says which one is served."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from index.errors import DamagedFileError, MissingVersionError
from index.files import write_file_atomically

VERSION = re.compile(r"v(\d{4,})")
POINTER = re.compile(r"(v\d{4,}) ([0-9a-f]{64})\n")
LEFTOVER = re.compile(r"\.v\d{4,}\.[0-9a-f]{8}\.(tmp|old)")
LEFTOVER_AGE_S = 24 * 3600


@dataclass(frozen=True)
class Pointer:
    """What CURRENT says: the served version, and the SHA-256 of that version's manifest."""

    version: str
    manifest_sha256: str


def rebuild_command(folder: Path) -> str:
    """Return the remedy for an index that can't be used, as the end of a sentence.

    >>> rebuild_command(Path("runs/shop/index"))
    'rebuild it with `longtail index build runs/shop`'
    """
    return f"rebuild it with `longtail index build {folder.parent}`"


def current_version(folder: Path) -> Pointer:
    """Return which version is served.

    Raises:
        MissingVersionError: the folder has no CURRENT file: nothing was published here.
        DamagedFileError: CURRENT holds something else than a version and a sum.
    """
    path = folder / "CURRENT"
    try:
        text = path.read_bytes().decode("ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingVersionError(
            f"{folder} holds no published index; build one with "
            f"`longtail index build {folder.parent}`"
        ) from error
    match = POINTER.fullmatch(text)
    if match is None:
        raise DamagedFileError(f"{path} names no version; {rebuild_command(folder)}")
    return Pointer(match[1], match[2])


def point_at(folder: Path, pointer: Pointer) -> None:
    """Serve another version from now on; readers see the old pointer or the new one."""
    with write_file_atomically(folder / "CURRENT") as temporary:
        text = f"{pointer.version} {pointer.manifest_sha256}\n"
        temporary.write_text(text, encoding="ascii", newline="\n")


def list_versions(folder: Path) -> list[str]:
    """Return the version folders that are there, oldest first."""
    if not folder.is_dir():
        return []
    names = [p.name for p in folder.iterdir() if p.is_dir() and VERSION.fullmatch(p.name)]
    return sorted(names, key=_number)


def next_version(folder: Path) -> str:
    """Return the name after the highest there is: ``v0001`` in an empty folder."""
    versions = list_versions(folder)
    return f"v{(_number(versions[-1]) if versions else 0) + 1:04d}"


def remove_versions(folder: Path, *, keep: Collection[str]) -> None:
    """Remove the other versions, and what killed writers left more than a day ago."""
    for name in list_versions(folder):
        if name not in keep:
            shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.iterdir():
        if LEFTOVER.fullmatch(path.name) and time.time() - path.stat().st_mtime > LEFTOVER_AGE_S:
            shutil.rmtree(path, ignore_errors=True)


def _number(version: str) -> int:
    return int(version[1:])
