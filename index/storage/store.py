"""Indexes on the disk: numbered versions, published whole, verified before they are read.

FOLDER/CURRENT                 ``v0003 <sha256 of its manifest>``: the version that is served
FOLDER/v0003/manifest.json     format, fingerprint, and size and SHA-256 of every other file
FOLDER/v0003/...               see `longtail.index.storage.version_files`
FOLDER/v0002/manifest.sha256   the sum that CURRENT had while this version was served

CURRENT vouches for the manifest and the manifest for the rest, so no byte can change unseen.
Versions never change; a file that two of them have in common is one file with two names.
Nothing is pickled.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from longtail.index.errors import (
    DamagedFileError,
    ForeignIndexError,
    MissingVersionError,
    StaleIndexError,
    VectorIndexError,
)
from longtail.index.files import publish_folder, sha256_of, verify_files, write_json_atomically
from longtail.index.storage.info import IndexInfo, info_of, manifest_of
from longtail.index.storage.lock import check_lock, index_lock
from longtail.index.storage.manifest import Manifest
from longtail.index.storage.version_files import read_version, write_version
from longtail.index.storage.versions import (
    Pointer,
    current_version,
    kept_versions,
    next_version,
    point_at,
    rebuild_command,
    remove_versions,
    sealed_version,
    served_version,
    version_before,
)
from longtail.index.unlisted import refuse_unlisted
from longtail.index.vector_index import VectorIndex

# Files of the caller's own inside a version: what must change in the same step as the index.
ATTACHED = "attached"

Check = Literal["sums", "sizes"]
_Read = TypeVar("_Read")


def save_index(
    index: VectorIndex,
    folder: Path,
    *,
    attach: Callable[[Path], None] | None = None,
    keep: int = 2,
) -> str:
    """Write the index as the folder's next version, serve it, and return its name.

    An index that was opened from the folder, or made from one that was, shares the files of
    its unchanged parts with that version. The version that was served before is kept, and the
    latest that were served before it, up to ``keep`` versions in all; the others are removed.
    On any failure the folder serves what it served before.

    ``attach`` may write more files into the folder that it is given (`ATTACHED` of the
    version): they are verified, published and rolled back with the index.

    Raises:
        LockedIndexError: another process is writing into the folder.
        StaleIndexError: the index was made from a version of this folder, and another has been
            published meanwhile, whose changes it would undo; or the whole folder was replaced.
        DiskFullError: the disk ran out.
    """
    with index_lock(folder, create=True):
        before = served_version(folder)
        source = _source_of(index, folder, before)
        name = next_version(folder)
        try:
            with publish_folder(folder / name, replace=False) as temporary:
                if attach is not None:
                    (temporary / ATTACHED).mkdir()
                    attach(temporary / ATTACHED)
                manifest, parts = write_version(index, temporary, source=source)
                write_json_atomically(temporary / "manifest.json", manifest.to_json())
            check_lock(folder)
            point_at(folder, Pointer(name, sha256_of(folder / name / "manifest.json")))
        except BaseException:
            check_lock(folder)  # in another folder this name is another's
            # On a full disk a version that nothing points to is only in the way.
            served = served_version(folder)
            if served is None or served.version != name:
                shutil.rmtree(folder / name, ignore_errors=True)
            raise
        index.stored_parts.moved_to(folder, name, parts)
        keeping = {name} if before is None else {name, before.version}
        remove_versions(folder, keep=keeping, number=keep)
    return name


def open_index(
    folder: Path,
    *,
    expected_fingerprint: str | None = None,
    memory_map: bool = False,
    check: Check = "sums",
) -> VectorIndex:
    """Return the served version; see `open_attached` for what is checked and raised."""
    return open_attached(
        folder,
        lambda _: None,
        expected_fingerprint=expected_fingerprint,
        memory_map=memory_map,
        check=check,
    )[0]


def open_attached(
    folder: Path,
    read: Callable[[Path], _Read],
    *,
    expected_fingerprint: str | None = None,
    memory_map: bool = False,
    check: Check = "sums",
) -> tuple[VectorIndex, _Read]:
    """Return the served version, after its sizes and sums were found to be right.

    Args:
        folder: the index folder.
        read: gets the folder of the version's attached files, verified, which isn't there
            where nothing was attached; index and attached files are always of one version.
        expected_fingerprint: the item tower that must have filled the index.
        memory_map: leave the vectors in their files: the index opens at once, takes memory
            only for what is searched, and shares it with other processes.
        check: ``sums`` reads every file once. ``sizes`` finds only missing and cut files: for
            folders that are large and were verified where they came from.

    Raises:
        MissingVersionError: nothing was published in the folder.
        DamagedFileError: a file is missing or isn't the one that was written.
        UnsupportedFormatError: a newer longtail wrote it, or one before format 2.
        ForeignIndexError: another item tower than ``expected_fingerprint`` filled it.
    """
    if check not in ("sums", "sizes"):
        raise VectorIndexError(f"there is no check {check!r}; use sums or sizes")

    def opened(pointer: Pointer) -> tuple[VectorIndex, _Read]:
        manifest = manifest_of(folder, pointer)
        _check_tower(folder, manifest, expected_fingerprint)
        index = _read(folder, pointer, manifest, memory_map, sums=check == "sums")
        return index, read(folder / pointer.version / ATTACHED)

    return _of_served(folder, opened)


def read_attached(folder: Path, read: Callable[[Path], _Read]) -> _Read:
    """Return what ``read`` makes of the served version's attached files alone, verified.

    Raises:
        MissingVersionError, DamagedFileError, UnsupportedFormatError: as `open_index` does, but
            for the attached files only.
    """

    def attached(pointer: Pointer) -> _Read:
        place, manifest = folder / pointer.version, manifest_of(folder, pointer)
        records = {n: r for n, r in manifest.files.items() if n.startswith(f"{ATTACHED}/")}
        verify_files(place, records, remedy=rebuild_command(folder))
        refuse_unlisted(place, records, among=(ATTACHED,))
        return read(place / ATTACHED)

    return _of_served(folder, attached)


def rollback(folder: Path, version: str | None = None, *, wait_s: float = 0.0) -> str:
    """Serve a kept version again, by default the one before, and return its name.

    Where CURRENT was lost, the version that it named can't be told from a damaged one; the
    latest that was served before it is then the default. Every file of it is verified first.
    No version is removed, so that the way back to a later one stays open until the next version
    is published.

    Raises:
        LockedIndexError: another process is writing into the folder, and did for ``wait_s``
            seconds.
        MissingVersionError: there is no such version, or it was never served.
        DamagedFileError: a file of it is missing or isn't the one that was written.
    """
    if not kept_versions(folder):
        current_version(folder)  # a folder that was never an index isn't made one by the lock
    with index_lock(folder, wait_s=wait_s):
        current, kept = served_version(folder), kept_versions(folder)
        target = version
        if version is None and current is not None:
            target = version_before(folder, current.version)
        elif version is None and kept:
            target = kept[-1]  # CURRENT was lost: this is the last that is known to be whole
        if target is None or target not in kept:
            before = "" if current is None else f" before {current.version}"
            what = before if target is None else f" {target} to go back to"
            raise MissingVersionError(
                f"{folder} holds no version{what}; it can serve {', '.join(kept) or 'none'}"
            )
        if current is not None and target == current.version:
            return target
        pointer = sealed_version(folder, target)
        if pointer is None:  # removed at this moment by other means
            raise MissingVersionError(f"{folder / target} is no longer there")
        manifest = manifest_of(folder, pointer)
        _verify(folder, pointer, manifest)
        point_at(folder, pointer)
    return target


def verify_index(folder: Path) -> IndexInfo:
    """Compare every file of the served version with its manifest; return what is stored.

    Raises:
        MissingVersionError, DamagedFileError, UnsupportedFormatError: as `open_index` does.
    """

    def verified(pointer: Pointer) -> IndexInfo:
        manifest = manifest_of(folder, pointer)
        _verify(folder, pointer, manifest)
        return info_of(folder, pointer, manifest)

    return _of_served(folder, verified)


def index_info(folder: Path) -> IndexInfo:
    """Return what is stored, from the manifest alone; no other file is read.

    Raises:
        MissingVersionError, DamagedFileError, UnsupportedFormatError: as `open_index` does.
    """
    return _of_served(folder, lambda at: info_of(folder, at, manifest_of(folder, at)))


def _of_served(folder: Path, read: Callable[[Pointer], _Read]) -> _Read:
    """Return what ``read`` makes of the served version, also while writers publish others."""
    pointer = current_version(folder)
    while True:
        try:
            return read(pointer)
        except (DamagedFileError, OSError):
            # Writers may have moved on and removed the version that we were reading.
            newer = current_version(folder)
            if newer == pointer:
                raise
            pointer = newer


def _source_of(index: VectorIndex, folder: Path, served: Pointer | None) -> Path | None:
    """Return the version folder whose files the index's parts came from, if it is in here."""
    stored_parts = index.stored_parts
    if stored_parts.folder != folder.resolve():
        return None
    if served is not None and served.version != stored_parts.version:
        raise StaleIndexError(
            f"{folder} has served {served.version} since this index was made from "
            f"{stored_parts.version}: saving it would undo what was changed meanwhile; "
            "open the index again and repeat the change"
        )
    return folder / stored_parts.version


def _check_tower(folder: Path, manifest: Manifest, expected: str | None) -> None:
    # Before the sums: a foreign index is refused at once, however large it is.
    if expected is not None and manifest.tower_fingerprint != expected:
        raise ForeignIndexError(
            f"{folder} was filled by item tower {manifest.tower_fingerprint[:12]}, but the "
            f"bundle holds {expected[:12]}; {rebuild_command(folder)}"
        )


def _read(
    folder: Path, pointer: Pointer, manifest: Manifest, memory_map: bool, *, sums: bool
) -> VectorIndex:
    remedy, place = rebuild_command(folder), folder / pointer.version
    _verify(folder, pointer, manifest, sums=sums)
    try:
        return read_version(place, manifest, memory_map=memory_map)
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; {remedy}") from error
    except (ValueError, KeyError, RuntimeError, TypeError, FileNotFoundError) as error:
        # The sums were right, so these files were written wrong, by something else.
        reason = " ".join(str(error).split())
        raise DamagedFileError(f"{place} can't be read as an index ({reason}); {remedy}") from error


def _verify(folder: Path, pointer: Pointer, manifest: Manifest, *, sums: bool = True) -> None:
    place = folder / pointer.version
    verify_files(place, manifest.files, remedy=rebuild_command(folder), sums=sums)
    refuse_unlisted(place, manifest.files)
