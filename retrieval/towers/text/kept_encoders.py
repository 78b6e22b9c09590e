"""Encoders that were made out of a package's files: where they lie, made once and kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from longtail.index.files import publish_folder
from longtail.retrieval.errors import ModelNotFoundError


def encoder_cache() -> Path:
    """Return the folder that keeps converted encoders: ``longtail`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "longtail"


def kept_encoder(name: str) -> Path | None:
    """Return the folder of a converted encoder where there is one."""
    folder = encoder_cache() / name
    return folder if (folder / "config.json").is_file() else None


def keep_encoder(name: str, package: str, write: Callable[[Path], None]) -> Path:
    """Return the folder of an encoder that ``write`` fills, and that is kept from now on.

    Raises:
        ModelNotFoundError: the folder can't be written.
        DiskFullError: the disk ran out.
    """
    folder = encoder_cache() / name
    try:
        # Another process may be as far, with the same files.
        with suppress(FileExistsError), publish_folder(folder, replace=False) as temporary:
            write(temporary)
    except OSError as error:
        raise ModelNotFoundError(
            f"the encoder of {package} can't be kept in {folder} ({error.strerror or error}); "
            "name a folder that can be written with XDG_CACHE_HOME"
        ) from error
    return folder
