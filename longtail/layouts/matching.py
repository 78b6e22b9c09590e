"""Which of the files that were named plays which part of a layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import Sample, sample_of
from longtail.retrieval.data.files.data_file import refuse_what_is_not_exported
from longtail.retrieval.errors import DataError

_PACKED = (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar")
_DEPTH = 2


def match_files(
    name: str, layout: Layout, paths: Sequence[Path]
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Return the files of each part, and those that play none.

    A folder stands for the files in it and in its folders. A file is told by its first line;
    where several could play a part, those with a usual name do.

    Raises:
        DataError: a path isn't there or is packed, or a part has no file or too many.
    """
    files = files_in(paths)
    samples = {path: sample_of(path) for path in files}
    parts: dict[str, list[Path]] = {}
    for part in layout.parts:
        found = found_files(part, samples)
        if not found and part.required:
            raise DataError(
                f"{name}: no file of {part.name} {_among(files)}; expected {_usual(part)}"
                f"{_way_out(samples)}"
            )
        if len(found) > 1 and not part.several:
            raise DataError(
                f"{name}: {len(found)} files could be the {part.name}: "
                f"{', '.join(map(str, found[:5]))}; name the one to read"
            )
        parts[part.name] = found
    used = {path for found in parts.values() for path in found}
    return parts, [path for path in files if path not in used]


def files_in(paths: Sequence[Path]) -> list[Path]:
    """Return the files that were named, and those of the folders that were.

    Raises:
        DataError: a path isn't there, is packed, or has to be exported first.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = (p for d in range(_DEPTH) for p in sorted(path.glob("*/" * d + "*")))
            files |= dict.fromkeys(p for p in inside if p.is_file() and not p.name.startswith("."))
        elif not path.exists():
            raise DataError(f"{path}: no such file or folder")
        elif path.name.lower().endswith(_PACKED):
            raise DataError(f"{path}: unpack it first, and name the folder")
        else:
            refuse_what_is_not_exported(path)
            files[path] = None
    return list(files)


def found_files(part: Part, samples: dict[Path, Sample]) -> list[Path]:
    """Return the files that could play a part, only those with a usual name where there are any."""
    fitting = [path for path, sample in samples.items() if part.fits(sample)]
    named = [path for path in fitting if _has_usual_name(part, path)]
    return named or fitting


def _has_usual_name(part: Part, path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return any(fnmatch(name, usual.lower()) for usual in part.usual)


def _usual(part: Part) -> str:
    *others, last = part.usual
    return f"{', '.join(others)} or {last}" if others else last


def _way_out(samples: Mapping[Path, Sample]) -> str:
    """Return what can be done with files that may be the ones in other clothes."""
    for path, sample in samples.items():
        if path.name.lower().endswith(_PACKED):
            return f"; unpack {path.name} first"
        if sample.first.startswith("["):
            return (
                f"; {path.name} is one JSON array: write an object a line, jq -c '.[]' {path.name}"
            )
    return ""


def _among(files: Sequence[Path]) -> str:
    if not files:
        return "in the folder, which is empty"
    more = f" and {len(files) - 6} more" if len(files) > 6 else ""
    return f"among {', '.join(path.name for path in files[:6])}{more}"
