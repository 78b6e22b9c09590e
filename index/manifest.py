"""What is known of a stored index without reading its vectors."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import DamagedFileError
from index.faiss_runtime import faiss_wheel
from index.files import FileRecord, check_format, read_json, read_records, sha256_of

FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """The manifest of one version.

    Attributes:
        created: when it was written, ISO 8601 in UTC.
        dim: dimensions of a vector, the popularity not counted.
        segments: number of items by segment name, in the order of their codes.
        tower_fingerprint: which item tower made the vectors.
        versions: versions of the libraries that wrote it.
        files: size and sum of every other file of the version.
    """

    created: str
    dim: int
    segments: dict[str, int]
    tower_fingerprint: str
    versions: dict[str, str]
    files: dict[str, FileRecord]

    @classmethod
    def of_now(
        cls,
        dim: int,
        segments: Mapping[str, int],
        tower_fingerprint: str,
        files: Mapping[str, FileRecord],
    ) -> Manifest:
        """Return the manifest of an index that is being written at this moment."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(created, dim, dict(segments), tower_fingerprint, library_versions(), dict(files))

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as it is stored."""
        return {
            "format": FORMAT,
            "created": self.created,
            "dim": self.dim,
            # A list, since JSON objects have no order that a reader must keep.
            "segments": [{"name": n, "items": size} for n, size in self.segments.items()],
            "tower_fingerprint": self.tower_fingerprint,
            "versions": self.versions,
            "files": {name: asdict(record) for name, record in self.files.items()},
        }

    @classmethod
    def read(cls, path: Path, *, sha256: str, remedy: str) -> Manifest:
        """Return the manifest in the file, if it is the one with this sum.

        Raises:
            DamagedFileError: it is missing, altered, or lacks an entry.
            UnsupportedFormatError: a newer longtail has written it.
        """
        if not path.is_file():
            raise DamagedFileError(f"{path} is missing; {remedy}")
        found = sha256_of(path)
        if found != sha256:
            raise DamagedFileError(
                f"{path} is not the file that CURRENT vouches for (sha256 {found[:12]}, "
                f"expected {sha256[:12]}); {remedy}"
            )
        stored = read_json(path, remedy=remedy)
        check_format(stored, path, reads=FORMAT, remedy=remedy)
        files = read_records(stored, path, remedy=remedy)
        try:
            return cls(
                created=str(stored["created"]),
                dim=int(stored["dim"]),
                segments={str(s["name"]): int(s["items"]) for s in stored["segments"]},
                tower_fingerprint=str(stored["tower_fingerprint"]),
                versions={str(k): str(v) for k, v in stored["versions"].items()},
                files=files,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedFileError(f"{path} lacks a readable entry ({error}); {remedy}") from error


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
