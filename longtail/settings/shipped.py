"""The settings files that ship with longtail, found by their names."""

from __future__ import annotations

from pathlib import Path

from longtail import configs
from longtail.settings.errors import SettingsError

FOLDER = Path(configs.__file__).parent


def shipped_names() -> list[str]:
    """Return the names of the shipped settings files, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def settings_path(given: str | Path, beside: Path | None = None) -> Path:
    """Return the file that a name or a path means; a relative path starts at ``beside``.

    A text that is a shipped file's name is that file, wherever it is used; ``./cpu`` is a path.

    Raises:
        SettingsError: there is no such file; the message says which names there are.
    """
    if isinstance(given, str) and given in shipped_names():
        return FOLDER / f"{given}.yaml"
    path = Path(given) if beside is None else beside / given
    if not path.exists():
        raise SettingsError(
            f"no configuration file {path}; these are found by name: {', '.join(shipped_names())}"
        )
    return path


def name_for_this_machine() -> str:
    """Return the name of the shipped file for this machine: ``gpu`` with a CUDA device."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"
