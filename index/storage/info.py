"""A stored index at a glance, from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtail.index.storage.manifest import Manifest, SegmentRecord
from longtail.index.storage.versions import Pointer, kept_versions, rebuild_command


@dataclass(frozen=True)
class IndexInfo:
    """A stored index at a glance.

    Attributes:
        version: the served version.
        kept_versions: all versions that can be served, oldest first.
        created: when the served one was written, ISO 8601 in UTC.
        n_items: catalog rows, those of removed items counted.
        n_live: items that may be answers.
        n_tombstones: stored vectors that answer nobody, until the index is compacted.
        items_by_pool: items that may be answers, by pool.
        segments: the physical segments, in the order they were made.
        dim: dimensions of a vector, the popularity not counted.
        storage: how numbers are stored, ``float32`` or ``float16``.
        size_bytes: bytes of the served version's files, those it shares with others counted.
        tower_fingerprint: which item tower made the vectors.
        library_versions: what it was written with.
    """

    version: str
    kept_versions: tuple[str, ...]
    created: str
    n_items: int
    n_live: int
    n_tombstones: int
    items_by_pool: dict[str, int]
    segments: tuple[SegmentRecord, ...]
    dim: int
    storage: str
    size_bytes: int
    tower_fingerprint: str
    library_versions: dict[str, str]

    @property
    def structures(self) -> dict[str, dict[str, Any]]:
        """How candidates are proposed, and the measured recall, by segment.

        Segments that aren't named are searched exactly.
        """
        return {s.name: s.structure for s in self.segments if s.structure is not None}


def manifest_of(folder: Path, pointer: Pointer) -> Manifest:
    """Return the manifest of a version, found to be the one that the pointer vouches for.

    Raises:
        DamagedFileError, UnsupportedFormatError: see `Manifest.read`.
    """
    return Manifest.read(
        folder / pointer.version / "manifest.json",
        sha256=pointer.manifest_sha256,
        remedy=rebuild_command(folder),
    )


def info_of(folder: Path, pointer: Pointer, manifest: Manifest) -> IndexInfo:
    """Return what the manifest of a version says."""
    items = manifest.items_by_pool
    return IndexInfo(
        version=pointer.version,
        kept_versions=tuple(kept_versions(folder)),
        created=manifest.created,
        n_items=manifest.items,
        n_live=sum(items.values()),
        n_tombstones=sum(segment.removed for segment in manifest.segments),
        items_by_pool=items,
        segments=manifest.segments,
        dim=manifest.dim,
        storage=manifest.storage,
        size_bytes=sum(record.size for record in manifest.files.values()),
        tower_fingerprint=manifest.tower_fingerprint,
        library_versions=dict(manifest.versions),
    )
