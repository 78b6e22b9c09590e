"""Numbered version folders, and the CURRENT file that says which one is served."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from longtail.index.disk.regular_file import open_regular
from longtail.index.errors import DamagedFileError, MissingVersionError
from longtail.index.files import write_file_atomically
from longtail.index.storage.leftovers import leftovers, remove

VERSION = re.compile(r"v(\d{4,12})")
POINTER = re.compile(r"(v\d{4,12}) ([0-9a-f]{64})\n")
PUBLISHED = re.compile(r"v\d{4,12}|CURRENT")
# In the form that `sha256sum --check` reads.
SEAL = re.compile(r"([0-9a-f]{64})  manifest\.json\n")
# More than either of them has.
_MOST_BYTES = 200


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
        text = _start_of(path, f"remove it, then {rebuild_command(folder)}")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingVersionError(
            f"{folder} holds no published index; build one with "
            f"`longtail index build {folder.parent}`"
        ) from error
    match = POINTER.fullmatch(text)
    if match is None:
        raise DamagedFileError(f"{path} names no version; {rebuild_command(folder)}")
    return Pointer(match[1], match[2])


def served_version(folder: Path) -> Pointer | None:
    """Return which version is served, or None where none can be."""
    try:
        return current_version(folder)
    except (MissingVersionError, DamagedFileError):
        return None


def point_at(folder: Path, pointer: Pointer) -> None:
    """Serve another version from now on; readers see the old pointer or the new one.

    The version that was served keeps the sum that CURRENT had for it, so that it can be
    served again: see `sealed_version`.
    """
    before = served_version(folder)
    if before is not None and before != pointer and (folder / before.version).is_dir():
        with write_file_atomically(folder / before.version / "manifest.sha256") as temporary:
            temporary.write_text(f"{before.manifest_sha256}  manifest.json\n", encoding="ascii")
    with write_file_atomically(folder / "CURRENT") as temporary:
        text = f"{pointer.version} {pointer.manifest_sha256}\n"
        temporary.write_text(text, encoding="ascii", newline="\n")


def sealed_version(folder: Path, version: str) -> Pointer | None:
    """Return how to serve a version that was served before; None where it never was.

    Raises:
        DamagedFileError: what it kept as its manifest's sum is none.
    """
    path = folder / version / "manifest.sha256"
    try:
        text = _start_of(path, f"serve another version, or {rebuild_command(folder)}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    match = SEAL.fullmatch(text)
    if match is None:
        raise DamagedFileError(
            f"{path} holds no sum of a manifest; serve another version, or "
            f"{rebuild_command(folder)}"
        )
    return Pointer(version, match[1])


def _start_of(path: Path, remedy: str) -> str:
    with open_regular(path, remedy=remedy) as file:
        return file.read(_MOST_BYTES).decode("ascii", errors="replace")


def list_versions(folder: Path) -> list[str]:
    """Return the version folders that are there, oldest first."""
    if not folder.is_dir():
        return []
    names = [p.name for p in folder.iterdir() if p.is_dir() and VERSION.fullmatch(p.name)]
    return sorted(names, key=_number)


def kept_versions(folder: Path) -> list[str]:
    """Return the versions that are served or were, oldest first: those that can be."""
    current = served_version(folder)
    return [
        name
        for name in list_versions(folder)
        if (current is not None and name == current.version)
        or (folder / name / "manifest.sha256").is_file()
    ]


def version_before(folder: Path, version: str) -> str | None:
    """Return the latest earlier version that was served, or None."""
    earlier = [name for name in kept_versions(folder) if _number(name) < _number(version)]
    return earlier[-1] if earlier else None


def next_version(folder: Path) -> str:
    """Return the name after the highest there is: ``v0001`` in an empty folder."""
    versions = list_versions(folder)
    return f"v{(_number(versions[-1]) if versions else 0) + 1:04d}"


def remove_versions(folder: Path, *, keep: Collection[str], number: int = 0) -> None:
    """Remove versions, and what killed writers left; only the lock's holder may do this.

    Those in ``keep`` stay, and beside them the latest that were served, up to ``number`` in
    all.
    """
    kept = set(keep)
    for name in reversed(kept_versions(folder)):
        if len(kept) < number:
            kept.add(name)
    for name in list_versions(folder):
        if name not in kept:
            shutil.rmtree(folder / name, ignore_errors=True)
    for path, name, _ in leftovers(folder):
        if PUBLISHED.fullmatch(name):
            remove(path)
    for version in kept:
        for path, _, _ in leftovers(folder / version):
            remove(path)


def _number(version: str) -> int:
    return int(version[1:])
