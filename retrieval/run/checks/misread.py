"""Run folders whose sums are right and whose content is not what longtail writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from safetensors import SafetensorError

from longtail.index.errors import DamagedFileError, LongtailError
from longtail.retrieval.run.checks.other_version import (
    OtherVersionError,
    entry_behind,
    written_by,
)

# What libraries and our own reading raise over content that they can't make anything of.
_MISREAD = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    OSError,
    pa.ArrowException,
    SafetensorError,
)


@contextmanager
def read_as_written(folder: Path, manifest: Mapping[str, Any], *, remedy: str) -> Iterator[None]:
    """Make a refusal of whatever fails while files are read whose sums were found to be right.

    Another version of longtail has written them, or something else has, and sealed them.

    Raises:
        OtherVersionError: an entry is missing, or unknown.
        DamagedFileError: reading failed otherwise; known failures pass as they are.
    """
    try:
        yield
    except LongtailError as error:
        entry = entry_behind(error) if isinstance(error, DamagedFileError) else None
        if entry is None:
            raise
        # It names the file.
        name = re.split(" can't be read| holds no ", str(error))[0]
        raise OtherVersionError(
            folder, written_by(manifest), f"{entry} in {Path(name).name}"
        ) from error
    except _MISREAD as error:
        if (entry := entry_behind(error)) is not None:
            raise OtherVersionError(folder, written_by(manifest), entry) from error
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DamagedFileError(f"{folder} can't be read as a run ({reason}); {remedy}") from error
