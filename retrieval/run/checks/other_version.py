"""Runs that another version of longtail wrote: told apart from those that were damaged."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from longtail.index.errors import UnsupportedFormatError


class OtherVersionError(UnsupportedFormatError):
    """A run has entries that this longtail doesn't know, or lacks some that it needs.

    Its sums are right, so it is as it was written; neither copying it again nor an upgrade need
    help, and training it again does.
    """

    def __init__(self, folder: Path | str, written_by: str, reason: str) -> None:
        super().__init__(
            f"{folder} was written by longtail {written_by} in another form than this longtail "
            f"({own_version()}) reads ({reason}); train it again with `longtail train`"
        )


class StoredSettings(dict[str, Any]):
    """The settings that a run was trained with, as plain data.

    Whoever asks for a setting that they don't have is told who wrote them.
    """

    def __init__(self, settings: Mapping[str, Any], folder: Path, written_by: str) -> None:
        super().__init__(
            {
                name: StoredSettings(value, folder, written_by)
                if isinstance(value, dict)
                else value
                for name, value in settings.items()
            }
        )
        self._folder, self._written_by = folder, written_by

    def __missing__(self, name: str) -> Any:
        raise OtherVersionError(self._folder, self._written_by, f"its settings lack {name!r}")


def own_version() -> str:
    """Return the version of the longtail that runs."""
    try:
        return version("longtail")
    except PackageNotFoundError:
        return "not installed"


def written_by(manifest: Mapping[str, Any]) -> str:
    """Return the version of the longtail that wrote a run, as its manifest says."""
    versions = manifest.get("versions")
    name = versions.get("longtail") if isinstance(versions, dict) else None
    return str(name)[:40] if name else "of an unknown version"


def entry_behind(error: BaseException) -> str | None:
    """Return which entry another version may have left out, or put in; None: another fault.

    >>> entry_behind(KeyError("term"))
    "no 'term'"
    >>> entry_behind(ValueError("a number that is none"))
    """
    cause = error.__cause__ if isinstance(error.__cause__, KeyError) else error
    if isinstance(cause, KeyError) and cause.args:
        return f"no {cause.args[0]!r}"
    if isinstance(cause, TypeError) and "argument" in str(cause):
        return " ".join(str(cause).split())
    return None
