"""Gzip files read up to a size: a few kilobytes may hold gigabytes of nothing."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

from longtail.index.errors import Field
from longtail.retrieval.errors import DataError

MOST_GB = 64.0
# Logs and catalogs shrink to a tenth, the most regular ones to a hundredth.
MOST_RATIO, _SMALL_BYTES = 200, 64 << 20


class InflatedStream(io.RawIOBase):
    """The bytes of a gzip file, an error from where they are more than a data file's can be."""

    def __init__(self, path: Path, raw: Any, most_gb: float | None) -> None:
        self._path, self._raw, self._most_gb = path, raw, most_gb
        self._stream = gzip.GzipFile(fileobj=raw)
        self._size = 0

    def readable(self) -> bool:
        """Say yes: this stream is for reading, once, from front to back."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next, and return how many bytes that is.

        Raises:
            DataError: the file inflates further than it may.
        """
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        self._size += len(block)
        if self._size > (self._most_gb or MOST_GB) * 1e9:
            raise too_large(self._path, self._most_gb)
        if (
            self._most_gb is None
            and self._size > _SMALL_BYTES
            and self._size > MOST_RATIO * self._raw.tell()
        ):
            raise DataError(
                f"{self._path}: inflates to more than {MOST_RATIO} times its size, as no catalog "
                "or log does; if this one does, say how large it may become: ",
                Field("max_inflated"),
                " 64 (GB)",
            )
        return len(block)

    def close(self) -> None:
        """Close the file underneath."""
        self._stream.close()
        self._raw.close()
        super().close()


def too_large(path: Path, most_gb: float | None) -> DataError:
    """Return the error of a file that holds more than it may."""
    return DataError(
        f"{path}: holds more than {most_gb or MOST_GB:g} GB once inflated; if it may, say so: ",
        Field("max_inflated"),
        f" {(most_gb or MOST_GB) * 4:g} (GB)",
    )
