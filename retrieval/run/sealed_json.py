"""A JSON file that vouches for itself: no byte of it can change unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtail.index.disk.regular_file import open_regular
from longtail.index.errors import DamagedFileError
from longtail.index.files import write_file_atomically

SEAL = "sha256"
_BLANK = "0" * 64


def write_sealed_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON with the SHA-256 of itself, digits blanked, under ``sha256``."""
    # First in the file, so that the blank found is this one.
    whole = {SEAL: _BLANK, **content}
    text = json.dumps(whole, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    seal = hashlib.sha256(text.encode()).hexdigest()
    with write_file_atomically(path) as temporary:
        temporary.write_text(text.replace(_BLANK, seal, 1), encoding="utf-8", newline="\n")


def check_seal(content: Mapping[str, Any], path: Path, *, remedy: str) -> None:
    """Compare the file with its own seal; ``content`` is what was read from it.

    Raises:
        DamagedFileError: the file has no seal, or isn't the one that was written.
    """
    seal = content.get(SEAL)
    if isinstance(seal, str) and len(seal) == len(_BLANK):
        with open_regular(path, remedy=remedy) as file:
            blanked = file.read().replace(seal.encode(), _BLANK.encode(), 1)
        if hashlib.sha256(blanked).hexdigest() == seal:
            return
    raise DamagedFileError(f"{path} is not the file that was written; {remedy}")
