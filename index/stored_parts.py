"""Which parts of an index in memory already lie on the disk, and in which version."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from longtail.index.files import FileRecord


@dataclass(frozen=True)
class StoredPart:
    """One file of a version, and the object in memory that holds the same.

    Attributes:
        content: the array or FAISS index; parts are recognised by identity, never by value.
        record: the file's size and sum.
    """

    content: object
    record: FileRecord


@dataclass(eq=False)
class StoredParts:
    """The stored version that an index was opened from or last saved as.

    Indexes that were made from one another share one of these. It is what lets the next version
    link the files of parts that didn't change, and what tells that somebody else has published
    in between.

    Attributes:
        folder: the index folder, resolved; None for an index that was never stored.
        version: the version's name.
        parts: what the version's files hold, by file name.
    """

    folder: Path | None = None
    version: str = ""
    parts: dict[str, StoredPart] = field(default_factory=dict)

    def unchanged(self, name: str, content: object) -> FileRecord | None:
        """Return the record of the stored file that holds this very object, if there is one."""
        part = self.parts.get(name)
        return part.record if part is not None and part.content is content else None

    def moved_to(self, folder: Path, version: str, parts: dict[str, StoredPart]) -> None:
        """Take note that the index was stored as another version."""
        self.folder, self.version, self.parts = folder.resolve(), version, parts
