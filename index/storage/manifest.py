"""What is known of a stored index without reading its vectors."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from longtail.index.checks import SEGMENT_NAME
from longtail.index.disk.regular_file import irregularity
from longtail.index.errors import DamagedFileError
from longtail.index.faiss_runtime import faiss_wheel
from longtail.index.files import FileRecord, check_format, read_json, read_records, sha256_of
from longtail.index.vectors.stored_vectors import STORAGES, Storage

FORMAT = 2
STEM = re.compile(SEGMENT_NAME.pattern + r"(\+\d{4,12})?")
MOST_DIMENSIONS = 1_000_000
MOST_ITEMS = 2**31  # positions are int32


@dataclass(frozen=True)
class SegmentRecord:
    """What the manifest knows of one segment.

    Attributes:
        name: the stem of its files' names.
        pool: the pool it belongs to.
        items: its positions.
        removed: how many of them answer nobody.
        longest: the greatest norm of a vector, popularity left out.
        largest_popularity: the greatest magnitude of a popularity.
        structure: how candidates are proposed, with the measured recall; None if exact.
    """

    name: str
    pool: str
    items: int
    removed: int
    longest: float
    largest_popularity: float
    structure: dict[str, Any] | None = None

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> SegmentRecord:
        """Return the record; what can't be one raises ValueError, KeyError or TypeError."""
        structure = stored["structure"]
        record = cls(
            name=str(stored["name"]),
            pool=str(stored["pool"]),
            items=int(stored["items"]),
            removed=int(stored["removed"]),
            longest=float(stored["longest"]),
            largest_popularity=float(stored["largest_popularity"]),
            structure=None if structure is None else dict(structure),
        )
        if not STEM.fullmatch(record.name):
            raise ValueError(f"segment name {record.name!r}")
        if not 0 <= record.removed <= record.items:
            raise ValueError(f"{record.removed} removed of {record.items} items")
        bounds = (record.longest, record.largest_popularity)
        if not all(math.isfinite(bound) and bound >= 0 for bound in bounds):
            raise ValueError(f"bounds of segment {record.name}")
        return record


@dataclass(frozen=True)
class Manifest:
    """The manifest of one version.

    Attributes:
        created: when it was written, ISO 8601 in UTC.
        dim: dimensions of a vector, the popularity not counted.
        storage: how numbers are stored.
        items: catalog rows, those of removed items counted.
        pools: names of the pools, in the order of their codes.
        segments: in the order they were made.
        id_chunks: the stems of the files of item ids, in the order of the rows.
        tower_fingerprint: which item tower made the vectors.
        versions: versions of the libraries that wrote it.
        files: size and sum of every other file of the version.
    """

    created: str
    dim: int
    storage: Storage
    items: int
    pools: tuple[str, ...]
    segments: tuple[SegmentRecord, ...]
    id_chunks: tuple[str, ...]
    tower_fingerprint: str
    versions: dict[str, str]
    files: dict[str, FileRecord]

    @property
    def items_by_pool(self) -> dict[str, int]:
        """Number of items that may be answers, by pool."""
        items = dict.fromkeys(self.pools, 0)
        for segment in self.segments:
            items[segment.pool] += segment.items - segment.removed
        return items

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as it is stored."""
        return {
            "format": FORMAT,
            "created": self.created,
            "dim": self.dim,
            "storage": self.storage,
            "items": self.items,
            "pools": list(self.pools),
            "segments": [asdict(segment) for segment in self.segments],
            "item_ids": list(self.id_chunks),
            "tower_fingerprint": self.tower_fingerprint,
            "versions": self.versions,
            "files": {name: asdict(record) for name, record in self.files.items()},
        }

    @classmethod
    def read(cls, path: Path, *, sha256: str, remedy: str) -> Manifest:
        """Return the manifest in the file, if it is the one with this sum.

        Raises:
            DamagedFileError: it is missing, altered, or lacks an entry.
            UnsupportedFormatError: a newer longtail has written it, or one before format 2.
        """
        if (wrong := irregularity(path)) is not None:
            raise DamagedFileError(f"{path} {wrong}; {remedy}")
        digest = sha256_of(path)
        if digest != sha256:
            raise DamagedFileError(
                f"{path} is not the file that CURRENT vouches for (sha256 {digest[:12]}, "
                f"expected {sha256[:12]}); {remedy}"
            )
        stored = read_json(path, remedy=remedy)
        check_format(stored, path, reads=FORMAT, remedy=remedy, oldest=FORMAT, too_old=remedy)
        files = read_records(stored, path, remedy=remedy)
        try:
            manifest = cls(
                created=str(stored["created"]),
                dim=int(stored["dim"]),
                storage=stored["storage"],
                items=int(stored["items"]),
                pools=tuple(str(name) for name in stored["pools"]),
                segments=tuple(SegmentRecord.of_json(each) for each in stored["segments"]),
                id_chunks=tuple(str(name) for name in stored["item_ids"]),
                tower_fingerprint=str(stored["tower_fingerprint"]),
                versions={str(k): str(v) for k, v in stored["versions"].items()},
                files=files,
            )
            manifest._check()
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise DamagedFileError(f"{path} lacks a readable entry ({reason}); {remedy}") from error
        return manifest

    def _check(self) -> None:
        names = [segment.name for segment in self.segments]
        if self.storage not in STORAGES:
            raise ValueError(f"storage {self.storage!r}")
        if not 1 <= self.dim <= MOST_DIMENSIONS:
            raise ValueError(f"dim {self.dim}")
        if not 0 <= self.items < MOST_ITEMS:
            raise ValueError("items")
        if not names or len({name.lower() for name in names}) != len(names):
            raise ValueError("segments")
        if len(set(self.pools)) != len(self.pools) or len(self.pools) > 127:
            raise ValueError("pools")
        if not {segment.pool for segment in self.segments} <= set(self.pools):
            raise ValueError("a segment of no pool")
        if not self.id_chunks or not all(STEM.fullmatch(name) for name in self.id_chunks):
            raise ValueError("item_ids")


def now() -> str:
    """Return this moment as the manifest says it: ISO 8601 in UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that an index depends on."""
    try:
        longtail = version("longtail")
    except PackageNotFoundError:
        longtail = "not installed"
    return {
        "longtail": longtail,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "faiss": faiss_wheel() or "from no wheel",
    }
