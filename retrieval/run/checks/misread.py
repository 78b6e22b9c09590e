"""Run folders whose sums are right and whose content is not what longtail writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from safetensors import SafetensorError

from longtail.index.errors import DamagedFileError, LongtailError

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
def read_as_written(folder: Path, *, remedy: str) -> Iterator[None]:
    """Make a refusal of whatever fails while files are read whose sums were found to be right.

    Something else than longtail has written them, and sealed them.

    Raises:
        DamagedFileError: reading failed; known failures pass as they are.
    """
    try:
        yield
    except LongtailError:
        raise
    except _MISREAD as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DamagedFileError(f"{folder} can't be read as a run ({reason}); {remedy}") from error
