"""Where the text encoder's weights come from: a folder, the hub or its cache, or a package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.text.packages import PACKAGES

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MULTILINGUAL_ENCODER = "intfloat/multilingual-e5-small"
DECODER = "HuggingFaceTB/SmolLM2-135M-Instruct"
# What people may write for a hub name.
SHORT_NAMES = {
    "multilingual": MULTILINGUAL_ENCODER,
    "all-MiniLM-L6-v2": DEFAULT_ENCODER,
    "SmolLM2-135M-Instruct": DECODER,
}


@dataclass(frozen=True)
class EncoderSource:
    """A place that holds a text encoder, in words how it was found, and the encoder's full name."""

    location: str
    found_in: str
    name: str


def resolve_encoder(name: str) -> EncoderSource:
    """Return where the encoder's files are: local folder, hub cache, hub, or package, in order.

    Raises:
        ModelNotFoundError: none of the places holds it; the message names each one tried.
    """
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
        return EncoderSource(str(folder), "local folder", folder.resolve().name)
    name = SHORT_NAMES.get(name, name)
    tried = [f"folder {name!r}"]
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ModelNotFoundError(
            f"no text encoder in {name!r}: the folder has no config.json or modules.json"
        )
    if cached := _hub_folder(name, local_only=True):
        return EncoderSource(cached, "hub cache", name)
    tried.append("hub cache")
    package = PACKAGES.get(name)
    if package is not None:
        # Before the hub: the same weights, without a download.
        if packaged := package.folder():
            return EncoderSource(str(packaged), f"package {package.distribution}", name)
        tried.append(f"package {package.distribution} (not installed)")
    if os.environ.get("HF_HUB_OFFLINE", "0") in ("1", "true", "TRUE"):
        tried.append("hub (switched off by HF_HUB_OFFLINE)")
    elif downloaded := _hub_folder(name, local_only=False):
        return EncoderSource(downloaded, "hub", name)
    else:
        tried.append("hub (no answer, or no such model)")
    way_out = (
        f'`pip install "longtail[{package.extra}]"`'
        if package is not None
        else f'`pip install "longtail[offline]"` and use {DEFAULT_ENCODER}'
    )
    raise ModelNotFoundError(
        f"text encoder {name!r} not found; tried: {', '.join(tried)}. Offline: pass a folder with "
        f"the model's files, or {way_out}"
    )


def encoder_at_hand(name: str) -> str | None:
    """Return in which place the encoder is found without a download, None where in none of them.

    Nothing is loaded, and what a package carries isn't unpacked.
    """
    if (Path(name).expanduser() / "config.json").is_file():
        return "local folder"
    name = SHORT_NAMES.get(name, name)
    if _hub_folder(name, local_only=True):
        return "hub cache"
    package = PACKAGES.get(name)
    return f"package {package.distribution}" if package and package.is_there() else None


def _hub_folder(name: str, *, local_only: bool) -> str | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    # What a text tower needs, and nothing of the exports that lie beside it.
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        folder = snapshot_download(name, local_files_only=local_only, allow_patterns=patterns)
    except (OSError, ValueError, HFValidationError):
        # Every way to fail here (no network, no such repository, not cached) means the same
        # to the caller: not in this place; the places tried are named when all are exhausted.
        return None
    return folder if (Path(folder) / "config.json").is_file() else None
