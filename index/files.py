"""Files that are either whole and as they were written, or reported.

Writing: a temporary sibling is filled, fsynced, and renamed into place, so that a reader, a
Ctrl-C or a full disk never leaves half a file behind. Reading: sizes and SHA-256 sums are
compared with a manifest before anything parses the content.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from longtail.index.disk.regular_file import irregularity, open_regular
from longtail.index.disk.stream import is_stream, poured_into
from longtail.index.errors import DamagedFileError, DiskFullError, UnsupportedFormatError
from longtail.index.temporary_folder import temporary_folder

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# Linux: paths are relative to the working folder; both names change places.
_HERE, _RENAME_EXCHANGE = -100, 2
# What file systems take for one name, and the system for a path, in bytes.
_LONGEST_NAME, _LONGEST_PATH = 255, 4095
_SHOWN = 80
_COPY = "restore it from a copy"


@dataclass(frozen=True)
class FileRecord:
    """What a manifest knows of one file: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal, read in blocks.

    Raises:
        DamagedFileError: it is a folder, a FIFO, a device or a socket.
    """
    with open_regular(path, remedy=_COPY) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_files(folder: Path, *, leave_out: Collection[str] = ()) -> dict[str, FileRecord]:
    """Return a record of every file under the folder, by relative POSIX path, sorted.

    ``leave_out`` names relative paths; naming a folder leaves out all that lies in it.
    """
    records = {}
    for path in sorted(folder.rglob("*")):
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        names = {str(relative), *map(str, relative.parents)}
        if path.is_file() and names.isdisjoint(leave_out):
            records[str(relative)] = FileRecord(path.stat().st_size, sha256_of(path))
    return records


def verify_files(
    folder: Path, records: Mapping[str, FileRecord], *, remedy: str, sums: bool = True
) -> None:
    """Compare every recorded file with the one on the disk: sizes first, then sums.

    Files that have no record are not looked at. ``remedy`` says what to do, as the end of
    a sentence: ``rebuild it with `longtail index build RUN```. Without ``sums`` only sizes are
    compared, which finds files that are missing or cut short, but no altered ones.

    Raises:
        DamagedFileError: a file is missing, has another size or another SHA-256, or its name is
            none of a file within the folder.
    """
    for name, record in records.items():
        path = _inside(folder, name, remedy)
        if (wrong := irregularity(path)) is not None:
            raise DamagedFileError(f"{path} {wrong}; {remedy}")
        size = path.stat().st_size
        if size != record.size:
            raise DamagedFileError(
                f"{path} has {size} bytes, but {record.size} were written; {remedy}"
            )
    for name, record in records.items() if sums else ():
        path = folder / name
        sha256 = sha256_of(path)
        if sha256 != record.sha256:
            raise DamagedFileError(
                f"{path} is not the file that was written (sha256 {sha256[:12]}, "
                f"expected {record.sha256[:12]}); {remedy}"
            )


def read_records(manifest: Mapping[str, Any], path: Path, *, remedy: str) -> dict[str, FileRecord]:
    """Return the file records stored under ``files`` of a manifest read from ``path``.

    Raises:
        DamagedFileError: the entry is missing, empty, or not a table of sizes and sums.
    """
    try:
        records = {
            str(name): FileRecord(int(entry["size"]), str(entry["sha256"]))
            for name, entry in manifest["files"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamagedFileError(f"{path} has no readable table of files; {remedy}") from error
    if not records:
        raise DamagedFileError(f"{path} lists no files; {remedy}")
    return records


def check_format(
    manifest: Mapping[str, Any],
    path: Path,
    *,
    reads: int,
    remedy: str,
    oldest: int = 1,
    too_old: str = "train the run again with `longtail train`",
) -> None:
    """Refuse a manifest that a newer longtail has written, or too old a one.

    Raises:
        UnsupportedFormatError: its ``format`` is above ``reads`` or below ``oldest``.
        DamagedFileError: it has no whole number of at least 1 under ``format``.
    """
    number = manifest.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise DamagedFileError(f"{path} names no format version; {remedy}")
    if number > reads:
        raise UnsupportedFormatError(
            f"{path} was written by format {number}, this longtail reads up to {reads}; "
            "upgrade longtail"
        )
    if number < oldest:
        raise UnsupportedFormatError(
            f"{path} was written by format {number}, this longtail reads from {oldest} on; "
            f"{too_old}"
        )


def read_json(path: Path, *, remedy: str = _COPY) -> dict[str, Any]:
    """Return the JSON object in the file.

    Raises:
        DamagedFileError: the file is missing, is not UTF-8 JSON, or holds no object; or what is
            there is no file.
    """
    try:
        with open_regular(path, remedy=remedy) as file:
            content = json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DamagedFileError(f"{path} is missing; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} is not readable as JSON ({error}); {remedy}") from error
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path} holds no JSON object; {remedy}")
    return content


def write_json_atomically(path: Path, content: object) -> None:
    """Write indented UTF-8 JSON; the file is either the old one or the whole new one."""
    text = json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False)
    with write_file_atomically(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


@contextmanager
def write_file_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path of the same name; what was written there replaces it at the end.

    On any exception, Ctrl-C included, the temporary is removed and the old file stands. What a
    killed writer of the same file left is removed by the next. A device, and a stream such as
    ``/dev/stdout``, are written to, and not replaced by a file.

    Raises:
        DiskFullError: the disk or the quota ran out.
    """
    if is_stream(path):
        with poured_into(path) as temporary:
            yield temporary
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _disk_full_is_known(path), temporary_folder(path) as folder:
        temporary = folder / path.name
        yield temporary
        _give_mode(temporary, _mode(folder) & 0o666)
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)


@contextmanager
def publish_folder(
    target: Path,
    *,
    replace: bool = True,
    holding: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``target`` that becomes it at the end.

    Every file and folder is fsynced before the rename. An existing target changes places with
    it, in one step where the system can, and is removed afterwards. On any exception, Ctrl-C
    included, the temporary is removed and the old target stands. What ``holding`` gives is
    entered for the moment of the change alone: it may still refuse.

    Raises:
        DiskFullError: the disk or the quota ran out.
        FileExistsError: the target exists and ``replace`` is false.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary, aside = _sibling(target, "tmp"), _sibling(target, "old")
    try:
        with _disk_full_is_known(target):
            temporary.mkdir()
            yield temporary
            mode = _mode(temporary)
            for path in [*temporary.rglob("*"), temporary]:
                _give_mode(path, mode if path.is_dir() else mode & 0o666)
                sync(path)
            with holding():
                if os.path.lexists(target):
                    if not replace:
                        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
                    if not _exchanged(temporary, target):
                        os.rename(target, aside)
                        os.rename(temporary, target)
                else:
                    os.rename(temporary, target)
                sync(target.parent)
    finally:
        # Whatever stopped us between the two renames, the old folder goes back.
        if os.path.lexists(aside) and not os.path.lexists(target):
            os.rename(aside, target)
        for leftover in (temporary, aside):
            _remove(leftover)


@contextmanager
def _disk_full_is_known(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        raise DiskFullError(
            f"no room to write {path} ({free:,} bytes free there); nothing was changed: "
            "free some space and run the same command again"
        ) from error


def _inside(folder: Path, name: str, remedy: str) -> Path:
    if (wrong := _fault_of_name(name)) is None:
        return folder / name
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    raise DamagedFileError(f"the manifest of {folder} lists {shown!r}, which {wrong}; {remedy}")


def _fault_of_name(name: str) -> str | None:
    """Return what is wrong with a name that a manifest lists, None if nothing is.

    >>> _fault_of_name("towers/model.safetensors"), _fault_of_name("a/../../b")
    (None, 'lies outside it')
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        return "lies outside it"
    parts = [part.encode("utf-8", "replace") for part in relative.parts]
    if not parts or any(ord(character) < ord(" ") for character in name):
        return "is no name of a file"
    if max(map(len, parts)) > _LONGEST_NAME or sum(map(len, parts)) + len(parts) > _LONGEST_PATH:
        return f"is longer ({len(name):,} characters) than the name of a file may be"
    return None


def _sibling(path: Path, ending: str) -> Path:
    # Not tempfile: it makes files that other users can't read, and a bundle is shared.
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{ending}")


def _exchanged(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system can't do that."""
    # Nobody, and no killed process, may find a moment in which neither is there.
    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return bool(exchange(_HERE, paths[0], _HERE, paths[1], _RENAME_EXCHANGE) == 0)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _give_mode(path: Path, mode: int) -> None:
    """Give a file the mode that the umask leaves; some libraries write for their owner alone."""
    if _mode(path) != mode and not path.is_symlink():
        path.chmod(mode)


def sync(path: Path) -> None:
    """Return once the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
