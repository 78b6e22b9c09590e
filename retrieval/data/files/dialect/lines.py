"""The lines of a file, none of them endless."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail.retrieval.errors import DataError

MOST_LINE_BYTES = 16 << 20


def bounded_lines(stream: Any, path: Path) -> Iterator[bytes]:
    """Yield the lines of a binary stream with their ends, a byte order mark left out.

    Raises:
        DataError: a line is longer than any record of a catalog or a log.
    """
    number = 0
    while line := stream.readline(MOST_LINE_BYTES + 1):
        number += 1
        if len(line) > MOST_LINE_BYTES:
            raise DataError(
                f"{path}: line {number:,} is longer than {MOST_LINE_BYTES >> 20} MB; is this a "
                "text file of one record a line?"
            )
        yield line if number > 1 else line.removeprefix(b"\xef\xbb\xbf")
