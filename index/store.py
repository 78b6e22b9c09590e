"""Indexes on the disk: numbered versions, published whole, verified before they are read.

FOLDER/CURRENT                 ``v0003 <sha256 of its manifest>``: the version that is served
FOLDER/v0003/manifest.json     format, fingerprint, and size and SHA-256 of every other file
FOLDER/v0003/{head,tail,cold}.faiss, segment_of.npy, item_ids.json

CURRENT vouches for the manifest and the manifest for the rest, so no byte can change unseen.
Nothing is pickled.
"""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import (
    DamagedFileError,
    ForeignIndexError,
    MissingVersionError,
    VectorIndexError,
)
from index.faiss_runtime import load_faiss
from index.files import (
    publish_folder,
    record_files,
    sha256_of,
    verify_files,
    write_json_atomically,
)
from index.manifest import Manifest
from index.segment import Segment
from index.vector_index import VectorIndex
from index.versions import (
    Pointer,
    current_version,
    list_versions,
    next_version,
    point_at,
    rebuild_command,
    remove_versions,
)


@dataclass(frozen=True)
class IndexInfo:
    """A stored index at a glance.

    Attributes:
        version: the served version.
        kept_versions: all versions in the folder, oldest first.
        created: when the served one was written, ISO 8601 in UTC.
        n_items: items in all.
        items_by_segment: items by segment name.
        dim: dimensions of a vector, the popularity not counted.
        size_bytes: bytes of the served version's files.
        tower_fingerprint: which item tower made the vectors.
        library_versions: what it was written with.
    """

    version: str
    kept_versions: tuple[str, ...]
    created: str
    n_items: int
    items_by_segment: dict[str, int]
    dim: int
    size_bytes: int
    tower_fingerprint: str
    library_versions: dict[str, str]


def save_index(index: VectorIndex, folder: Path) -> str:
    """Write the index as the folder's next version, serve it, and return its name.

    The version that was served before is kept, older ones are removed. On any failure the
    folder serves what it served before.

    Raises:
        DiskFullError: the disk ran out.
        VectorIndexError: another process published the same version number meanwhile.
    """
    try:
        previous = {current_version(folder).version}
    except (MissingVersionError, DamagedFileError):
        previous = set()
    name = next_version(folder)
    try:
        with publish_folder(folder / name, replace=False) as temporary:
            _write_version(index, temporary)
        point_at(folder, Pointer(name, sha256_of(folder / name / "manifest.json")))
    except FileExistsError as error:
        raise VectorIndexError(
            f"another process published {folder / name} at this moment; run the command again"
        ) from error
    except BaseException:
        # On a full disk a version that nothing points to is only in the way.
        if not _is_served(folder, name):
            shutil.rmtree(folder / name, ignore_errors=True)
        raise
    remove_versions(folder, keep={name, *previous})
    return name


def open_index(folder: Path, *, expected_fingerprint: str | None = None) -> VectorIndex:
    """Return the served version, after its sizes and sums were found to be right.

    Raises:
        MissingVersionError: nothing was published in the folder.
        DamagedFileError: a file is missing or isn't the one that was written.
        UnsupportedFormatError: a newer longtail wrote it.
        ForeignIndexError: another item tower than ``expected_fingerprint`` filled it.
    """
    pointer = current_version(folder)
    try:
        return _open_version(folder, pointer, expected_fingerprint)
    except (DamagedFileError, OSError):
        # A writer may have moved on by two versions and removed the one we were reading.
        newer = current_version(folder)
        if newer == pointer:
            raise
        return _open_version(folder, newer, expected_fingerprint)


def verify_index(folder: Path) -> IndexInfo:
    """Compare every file of the served version with its manifest; return what is stored.

    Raises:
        MissingVersionError, DamagedFileError, UnsupportedFormatError: as `open_index` does.
    """
    pointer = current_version(folder)
    manifest = _manifest(folder, pointer)
    verify_files(folder / pointer.version, manifest.files, remedy=rebuild_command(folder))
    return _info(folder, pointer, manifest)


def index_info(folder: Path) -> IndexInfo:
    """Return what is stored, from the manifest alone; no other file is read.

    Raises:
        MissingVersionError, DamagedFileError, UnsupportedFormatError: as `open_index` does.
    """
    pointer = current_version(folder)
    return _info(folder, pointer, _manifest(folder, pointer))


def _is_served(folder: Path, version: str) -> bool:
    try:
        return current_version(folder).version == version
    except (MissingVersionError, DamagedFileError):
        return False


def _write_version(index: VectorIndex, folder: Path) -> None:
    faiss = load_faiss()
    for segment in index.segments:
        with (folder / f"{segment.name}.faiss").open("wb") as file:
            # Through a Python file, a full disk is an OSError; FAISS's own writer hides why.
            faiss.write_index(segment.flat, faiss.PyCallbackIOWriter(file.write))
    codes = io.BytesIO()
    # NumPy's own way into a file loses the errno of a full disk.
    np.save(codes, index.segment_codes(), allow_pickle=False)
    (folder / "segment_of.npy").write_bytes(codes.getvalue())
    # ASCII with escapes: every string comes back, line ends and lone surrogates included.
    text = json.dumps(index.item_ids.tolist(), ensure_ascii=True, separators=(",\n", ":"))
    (folder / "item_ids.json").write_text(text, encoding="ascii", newline="\n")
    manifest = Manifest.of_now(
        index.dim, index.segment_sizes, index.tower_fingerprint, record_files(folder)
    )
    write_json_atomically(folder / "manifest.json", manifest.to_json())


def _manifest(folder: Path, pointer: Pointer) -> Manifest:
    return Manifest.read(
        folder / pointer.version / "manifest.json",
        sha256=pointer.manifest_sha256,
        remedy=rebuild_command(folder),
    )


def _info(folder: Path, pointer: Pointer, manifest: Manifest) -> IndexInfo:
    return IndexInfo(
        version=pointer.version,
        kept_versions=tuple(list_versions(folder)),
        created=manifest.created,
        n_items=sum(manifest.segments.values()),
        items_by_segment=dict(manifest.segments),
        dim=manifest.dim,
        size_bytes=sum(record.size for record in manifest.files.values()),
        tower_fingerprint=manifest.tower_fingerprint,
        library_versions=dict(manifest.versions),
    )


def _open_version(folder: Path, pointer: Pointer, expected: str | None) -> VectorIndex:
    manifest = _manifest(folder, pointer)
    remedy = rebuild_command(folder)
    # Before the sums: a foreign index is refused at once, however large it is.
    if expected is not None and manifest.tower_fingerprint != expected:
        raise ForeignIndexError(
            f"{folder} was filled by item tower {manifest.tower_fingerprint[:12]}, but the "
            f"bundle holds {expected[:12]}; {remedy}"
        )
    place = folder / pointer.version
    verify_files(place, manifest.files, remedy=remedy)
    try:
        return _read_version(place, manifest)
    except (ValueError, KeyError, RuntimeError, TypeError, FileNotFoundError) as error:
        # The sums were right, so these files were written wrong, by something else.
        reason = " ".join(str(error).split())
        raise DamagedFileError(f"{place} can't be read as an index ({reason}); {remedy}") from error


def _read_version(place: Path, manifest: Manifest) -> VectorIndex:
    faiss = load_faiss()
    item_ids = json.loads((place / "item_ids.json").read_bytes())
    codes: NDArray[np.int8] = np.load(place / "segment_of.npy", allow_pickle=False)
    ids = np.empty(len(item_ids), object)
    ids[:] = item_ids
    if codes.shape != ids.shape:
        raise ValueError(f"{len(ids)} item ids, but segments of {codes.shape} items")
    segments = []
    for code, (name, size) in enumerate(manifest.segments.items()):
        flat: Any = faiss.read_index(str(place / f"{name}.faiss"))
        rows = np.flatnonzero(codes == code)
        if not isinstance(flat, faiss.IndexFlatIP) or flat.d != manifest.dim + 1:
            raise ValueError(f"{name}.faiss is no flat index of {manifest.dim + 1} dimensions")
        if not len(rows) == flat.ntotal == size:
            raise ValueError(f"{name}.faiss holds {flat.ntotal} vectors for {len(rows)} items")
        segments.append(Segment.of_flat(name, rows, flat))
    return VectorIndex(tuple(segments), ids, manifest.tower_fingerprint)
