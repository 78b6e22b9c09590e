"""The one file of a folder that holds the items, the log, or the users."""

from __future__ import annotations

from pathlib import Path

from longtail.index.errors import Field
from longtail.retrieval.data.files.data_file import identify
from longtail.retrieval.errors import DataError

_SUFFIXES = [
    kind + zipped
    for kind in (".parquet", ".csv", ".tsv", ".txt", ".dat", ".jsonl", ".ndjson", ".json", ".pq")
    for zipped in ("", ".gz")
    if not (zipped and kind in (".parquet", ".pq"))
]


class NoFileError(DataError):
    """A folder holds no file of that name."""


def find_file(folder: Path, stems: tuple[str, ...]) -> Path:
    """Return the one data file of these names in a folder, e.g. ``items.parquet``.

    Raises:
        NoFileError: there is none.
        DataError: there is more than one, or files of another layout.
    """
    files = _files(folder, stems)
    if not files:
        # A spreadsheet of that name isn't read, but says what to do.
        for other in sorted(p for s in stems for p in folder.glob(f"{s}.*")):
            identify(other)
        _refuse_another_layout(folder)
    if len(files) != 1:
        looked = " or ".join(f"{s}.*" for s in stems)
        several = f"{len(files)} files could be it: {', '.join(p.name for p in files)}"
        raise (DataError if files else NoFileError)(
            f"{folder}: {several if files else f'no {looked} (csv, tsv, jsonl, parquet)'}; name "
            "the files with --catalog and --interactions"
        )
    return files[0]


def _refuse_another_layout(folder: Path) -> None:
    # Only now: the layouts are many modules.
    from longtail.layouts.recognised import layouts_of

    if names := layouts_of(folder):
        raise DataError(
            f"{folder}: holds files of another layout, {' or '.join(names)}; turn them into ours: "
            f"longtail data convert --from {names[0]} {folder} --out NEW_FOLDER"
        )


def _files(folder: Path, stems: tuple[str, ...]) -> list[Path]:
    return [p for s in stems for x in _SUFFIXES if (p := folder / f"{s}{x}").is_file()]


def find_users_file(folder: Path) -> Path | None:
    """Return the one users file of a folder: ``users.*``, ``customers.*``, RecBole's ``*.user``.

    Raises:
        DataError: there is more than one.
    """
    files = [*_files(folder, ("users", "customers")), *sorted(folder.glob("*.user"))]
    if len(files) > 1:
        raise DataError(
            f"{folder}: {len(files)} files could hold the users: "
            f"{', '.join(p.name for p in files)}; name one with ",
            Field("users"),
        )
    return files[0] if files else None
