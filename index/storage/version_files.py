"""The files of one version: each written once, linked where an earlier version has it.

{segment}.faiss            ``[vector ; popularity]``, for ``faiss.read_index``
{segment}.rows.int64       catalog rows by position, ascending
{segment}.removed.int64    positions that answer nobody, ascending; only where there are some
{segment}.structure.faiss  what proposes candidates; only where not everything is read
ids+0001.utf8              item ids back to back
ids+0001.ends.int64        where each one ends

Lists of numbers are little-endian without a header: ``numpy.fromfile(path, "<i8")`` reads them.
NumPy's own format has a header in Python's syntax, whose parser fails at times when several
threads use it (SystemError in CPython 3.11.7).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.ann_index import read_ann
from longtail.index.ann.faiss_files import read_faiss, write_faiss
from longtail.index.errors import DamagedFileError
from longtail.index.files import FileRecord, record_files, sha256_of
from longtail.index.item_ids import IdChunk, ItemIds
from longtail.index.search.segment import Segment
from longtail.index.storage.manifest import Manifest, SegmentRecord, library_versions, now
from longtail.index.stored_parts import StoredPart, StoredParts
from longtail.index.vector_index import VectorIndex
from longtail.index.vectors.stored_vectors import StoredVectors

INT64 = "<i8"


@dataclass
class _Writer:
    """Fills one version's folder and keeps account of what lies in it."""

    folder: Path
    stored_parts: StoredParts
    source: Path | None
    parts: dict[str, StoredPart] = field(default_factory=dict)

    def put(self, name: str, content: Any, write: Callable[[Path], None]) -> None:
        path = self.folder / name
        record = self.stored_parts.unchanged(name, content) if self.source else None
        if record is None or self.source is None or not _linked(self.source / name, path, record):
            write(path)
            record = FileRecord(path.stat().st_size, sha256_of(path))
        self.parts[name] = StoredPart(content, record)

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        self.put(name, array, lambda path: _write_array(path, array))


def write_version(
    index: VectorIndex, folder: Path, *, source: Path | None
) -> tuple[Manifest, dict[str, StoredPart]]:
    """Write the index into an empty folder; return its manifest, not yet written, and parts.

    ``source`` is the version that ``index.stored_parts`` speaks of, if it lies beside ``folder``:
    parts that are the same objects as there are linked, not written. Files that are in the
    folder already are recorded in the manifest too.

    Raises:
        OSError: among others, the disk is full.
    """
    writer = _Writer(folder, index.stored_parts, source)
    attached = record_files(folder)
    for segment in index.segments:
        name = segment.name
        writer.put(f"{name}.faiss", segment.flat, partial(write_faiss, segment.flat))
        writer.put_array(f"{name}.rows.int64", segment.rows)
        if len(segment.removed):
            writer.put_array(f"{name}.removed.int64", segment.removed)
        if segment.ann is not None:
            writer.put(f"{name}.structure.faiss", segment.ann.index, segment.ann.write)
    stems = _chunk_stems(index)
    for stem, chunk in zip(stems, index.item_ids.chunks, strict=True):
        writer.put_array(f"{stem}.utf8", chunk.text)
        writer.put_array(f"{stem}.ends.int64", chunk.ends)
    records = {name: part.record for name, part in sorted(writer.parts.items())}
    manifest = Manifest(
        created=now(),
        dim=index.dim,
        storage=index.storage,
        items=index.n_items,
        pools=index.pools,
        segments=tuple(_record(segment) for segment in index.segments),
        id_chunks=stems,
        tower_fingerprint=index.tower_fingerprint,
        versions=library_versions(),
        files=records | attached,
    )
    return manifest, writer.parts


def read_version(place: Path, manifest: Manifest, *, memory_map: bool) -> VectorIndex:
    """Return the index in a version's folder, whose files were found to be as recorded.

    Raises:
        DamagedFileError: the manifest has no record of a file that it needs.
        ValueError, KeyError, TypeError, RuntimeError, OSError: a file isn't what it should be.
    """
    reader = _Reader(place, manifest.files, memory_map)
    ids = ItemIds(tuple(_chunk(reader, stem) for stem in manifest.id_chunks))
    segments = tuple(_segment(reader, record, manifest) for record in manifest.segments)
    stored_parts = StoredParts()
    stored_parts.moved_to(place.parent, place.name, reader.parts)
    if len(ids) != manifest.items:
        raise ValueError(f"{len(ids)} item ids for {manifest.items} rows")
    index = VectorIndex(
        segments,
        manifest.pools,
        ids,
        manifest.tower_fingerprint,
        manifest.storage,
        stored_parts=stored_parts,
    )
    # Refuses rows that no segment holds, now and not in the middle of a search.
    _ = index.locations
    return index


@dataclass
class _Reader:
    """Reads files that the manifest vouches for, and remembers what came from which."""

    place: Path
    records: Mapping[str, FileRecord]
    memory_map: bool
    parts: dict[str, StoredPart] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        if name not in self.records:
            raise DamagedFileError(f"the manifest of {self.place} has no record of {name}")
        return self.place / name

    def keep(self, name: str, content: Any) -> None:
        self.parts[name] = StoredPart(content, self.records[name])

    def array(self, name: str, kind: str) -> NDArray[Any]:
        path, dtype = self.path(name), np.dtype(kind)
        if self.records[name].size % dtype.itemsize:
            raise ValueError(f"{name} is no list of {dtype}")
        if self.memory_map and self.records[name].size:
            # The plain view: memmap's own bookkeeping is slow.
            array = np.asarray(np.memmap(path, dtype, mode="r"))
        else:
            array = np.fromfile(path, dtype)
        self.keep(name, array)
        return array


def _record(segment: Segment) -> SegmentRecord:
    return SegmentRecord(
        name=segment.name,
        pool=segment.pool,
        items=len(segment),
        removed=len(segment.removed),
        longest=segment.longest,
        largest_popularity=segment.largest_popularity,
        structure=None if segment.ann is None else segment.ann.report(),
    )


def _segment(reader: _Reader, record: SegmentRecord, manifest: Manifest) -> Segment:
    name = record.name
    flat = read_faiss(reader.path(f"{name}.faiss"), memory_map=reader.memory_map)
    reader.keep(f"{name}.faiss", flat)
    vectors = StoredVectors.of_flat(
        flat,
        manifest.dim,
        longest=record.longest,
        largest_popularity=record.largest_popularity,
    )
    rows = reader.array(f"{name}.rows.int64", INT64)
    if not len(rows) == len(vectors) == record.items or vectors.storage != manifest.storage:
        raise ValueError(
            f"{name}.faiss holds {len(vectors)} {vectors.storage} vectors for {len(rows)} items"
        )
    if (np.diff(rows) <= 0).any():
        raise ValueError(f"{name}.rows.int64 does not ascend")
    removed = np.empty(0, np.int64)
    if record.removed:
        removed = reader.array(f"{name}.removed.int64", INT64)
    within = not len(removed) or (removed[0] >= 0 and removed[-1] < len(rows))
    if len(removed) != record.removed or (np.diff(removed) <= 0).any() or not within:
        raise ValueError(f"{name}.removed.int64 names no positions")
    ann = None
    if record.structure is not None:
        path = reader.path(f"{name}.structure.faiss")
        ann = read_ann(path, record.structure, mmap=reader.memory_map)
        if int(ann.index.ntotal) != len(rows):
            raise ValueError(f"{path.name} proposes from {ann.index.ntotal} items")
        reader.keep(path.name, ann.index)
        vectors.gather_in_huge_pages()
    return Segment(name, rows, vectors, record.pool, removed, ann)


def _chunk(reader: _Reader, stem: str) -> IdChunk:
    text = reader.array(f"{stem}.utf8", "u1")
    ends = reader.array(f"{stem}.ends.int64", INT64)
    if (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if len(ends) else 0) != len(text):
        raise ValueError(f"{stem}.ends.int64 does not fit {stem}.utf8")
    return IdChunk(text, ends)


def _chunk_stems(index: VectorIndex) -> tuple[str, ...]:
    """Return a name for each chunk of ids: by its first row, so that unchanged ones keep it."""
    stems, start = [], 0
    for chunk in index.item_ids.chunks:
        stems.append(f"ids+{start + 1:04d}")
        start += len(chunk)
    return tuple(stems)


def _linked(source: Path, target: Path, record: FileRecord) -> bool:
    """Let ``target`` be the very file that an earlier version has; False if it has none such.

    Its sum isn't read again: it goes into the new manifest as it is, so damage that the file
    has suffered since is noticed there as it would have been in the version before.
    """
    try:
        if source.stat().st_size != record.size:
            return False
        os.link(source, target)
    except FileNotFoundError:
        return False
    except OSError:
        # A file system without hard links, or a file with as many as it may have.
        shutil.copyfile(source, target)
    return True


def _write_array(path: Path, array: NDArray[Any]) -> None:
    # Not ndarray.tofile: it loses the errno of a full disk.
    little_endian = array.dtype.newbyteorder("<")
    path.write_bytes(np.ascontiguousarray(array, little_endian).data)
