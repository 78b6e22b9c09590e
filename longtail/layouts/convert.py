"""Files of a public layout, written again in our own columns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from longtail.layouts.conversion import TABLES, Conversion
from longtail.layouts.left_out import LeftOut
from longtail.layouts.matching import match_files
from longtail.layouts.records import Records
from longtail.layouts.registry import LAYOUTS
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Attributes:
        rows: rows of each table that was written, by ``items``, ``interactions``, ``users``.
        notes: what a person should know, one line each: what was left out and why first.
        unused: files that were named and play no part.
    """

    rows: dict[str, int]
    notes: list[str]
    unused: list[Path]


def convert(
    name: str, paths: Sequence[Path], folder: Path, progress: Progress = silent
) -> Converted:
    """Write ``items.parquet`` and ``interactions.parquet`` to a folder out of a layout's files.

    Layouts that know something of their users get ``users.parquet`` too. Lines that can't be read
    are counted and passed over. Either all files are written or none.

    Raises:
        DataError: a file is missing or unreadable, or mostly of another layout, or no item or
            no event is left, or the folder holds a catalog or a log of other names.
    """
    layout = LAYOUTS[name]
    files, unused = match_files(name, layout, paths)
    _check_folder(folder)
    left_out = LeftOut()
    try:
        with ExitStack() as opened, warnings.catch_warnings():
            # Python literals of old files hold escapes that today's Python warns of.
            warnings.simplefilter("ignore", SyntaxWarning)
            job = Conversion(files, folder, Records(left_out, progress), left_out, opened)
            layout.convert(job)
            left_out.check()
            for table in TABLES[:2]:
                if not job.tables[table].rows:
                    why = "; ".join(left_out.lines()[:1]) or "the files are empty"
                    raise DataError(f"{name}: no {table} could be read: {why}")
    except OSError as error:
        raise DataError(f"can't write to {folder}: {error.strerror or error}") from error
    rows = {table: job.tables[table].rows for table in TABLES if table in job.tables}
    if "users" not in rows and (old := folder / "users.parquet").exists():
        job.notes.append(f"{old} was there before and is not of these files; take it away")
    return Converted(rows, [*left_out.lines(), *job.notes], unused)


def _check_folder(folder: Path) -> None:
    """Raise where a second catalog or log would stand beside the ones that are to be written."""
    ours = {f"{table}.parquet" for table in TABLES}
    for path in sorted(folder.glob("*.*")):
        stem = path.name.partition(".")[0]
        if stem in (*TABLES, "catalog", "customers") and path.name not in ours:
            raise DataError(f"{folder} already holds {path.name}; name another folder")
