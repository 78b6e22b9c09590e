"""Frames as files: the way from a notebook into the readers that commands use."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, NoReturn

import pyarrow.parquet

from longtail.python.failures import MisuseError
from longtail.python.frames.arrow_table import as_table

Frame = Any  # pandas, polars, Arrow: whatever `as_table` takes
FrameOrPath = Any


class FrameFiles:
    """A temporary folder in which frames are Parquet files; it goes when nobody needs it.

    Nobody outside hears of the folder: `spelled` puts the frames' names where a message has the
    files', and ``rejected`` and ``suspects``, where a person finds these as frames, for the files
    of rows that were set aside and of items that look made to game the engine.

    Attributes:
        folder: where the files lie.
    """

    def __init__(self, rejected: str, suspects: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="longtail-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._names = {str(self.rejected_path): rejected, str(self.suspects_path): suspects}

    def __deepcopy__(self, memo: dict[int, Any]) -> FrameFiles:
        # Nobody changes the files; a folder of its own would be without them.
        return self

    def __reduce__(self) -> NoReturn:
        raise MisuseError("frames' files go with their process; pickle the frames themselves")

    @property
    def rejected_path(self) -> Path:
        """Where rows that are set aside are written."""
        return self.folder / "rejected.csv"

    @property
    def suspects_path(self) -> Path:
        """Where suspects are written."""
        return self.folder / "suspects.csv"

    def path_of(self, given: FrameOrPath, name: str) -> Path:
        """Return the file of a frame, called ``name`` in messages; a path is itself.

        Raises:
            MisuseError: it is neither, or a frame that no file can hold.
        """
        if isinstance(given, str | os.PathLike):
            return Path(given)
        table = as_table(given, name)
        path = self.folder / f"{name}.parquet"
        pyarrow.parquet.write_table(table, path)
        self._names[str(path)] = name
        return path

    def spelled(self, text: str) -> str:
        """Return a text with names for the files of this folder."""
        # The longest first: no path may be found within another.
        for path in sorted(self._names, key=len, reverse=True):
            text = text.replace(path, self._names[path])
        for path, name in self._names.items():
            if path.endswith(".parquet"):
                text = text.replace(Path(path).name, name)
        return text.replace(f"{self.folder}{os.sep}", "")
