"""Every known failure of the project, from the root down.

LongtailError                     a known failure; its message is one line that says what to do
├── VectorIndexError              something about a stored or searched index
│   ├── DamagedFileError          a stored file isn't the one that was written
│   ├── MissingVersionError       the folder holds no published index
│   ├── ForeignIndexError         the index was filled by another item tower
│   ├── LockedIndexError          another process is writing into the folder
│   └── StaleIndexError           somebody else has published since the index was opened
├── UnsupportedFormatError        written by a newer longtail than this one, or a much older one
├── FaissInstallationError        no FAISS wheel, or two that overwrite one another
├── UnsupportedSystemError        the operating system has no locks on files
└── DiskFullError                 the disk ran out while a file was written
"""

from __future__ import annotations

from collections.abc import Callable

# Of a message: what is wrong may be a cell or a key of megabytes.
LONGEST_MESSAGE = 2_000


class Field(str):
    """The name of an argument within a message; each door spells it in its own way."""

    __slots__ = ()


class LongtailError(Exception):
    """A known failure. Its message is one line, for a person, and says what to do next.

    Made of one or more parts, put together as they stand; those that are a `Field` are names.

    >>> error = LongtailError(Field("k"), " is 0; take at least 1")
    >>> str(error), error.worded(lambda name: f"-{name}")
    ('k is 0; take at least 1', '-k is 0; take at least 1')
    """

    def __str__(self) -> str:
        return self.worded(str)

    def worded(self, spelled: Callable[[str], str]) -> str:
        """Return the message with the names of arguments spelled as ``spelled`` says."""
        parts = (spelled(part) if isinstance(part, Field) else str(part) for part in self.args)
        whole = "".join(parts)
        if len(whole) <= LONGEST_MESSAGE:
            return whole
        # The end says what to do.
        half = LONGEST_MESSAGE // 2
        return f"{whole[:half]} [...] {whole[-half:]}"

    @property
    def field(self) -> str | None:
        """The first argument that the message names, None if it names none."""
        return next((str(part) for part in self.args if isinstance(part, Field)), None)


class VectorIndexError(LongtailError):
    """Something about a stored or searched index is wrong."""


class DamagedFileError(VectorIndexError):
    """A stored file is missing, or its size or sha256 is not what was written."""


class MissingVersionError(VectorIndexError):
    """The folder holds no published index version."""


class ForeignIndexError(VectorIndexError):
    """The index was filled by another item tower than the one that would query it."""


class LockedIndexError(VectorIndexError):
    """Another process or thread is writing into the index folder."""


class StaleIndexError(VectorIndexError):
    """The index was made from a version that is no longer the one that is served."""


class UnsupportedFormatError(LongtailError):
    """A file was written in a newer format than this version reads."""


class FaissInstallationError(LongtailError):
    """FAISS is not installed, or two of its wheels overwrite one another."""


class DiskFullError(LongtailError):
    """The disk ran out of space while a file was being written; nothing was published."""
